// SPDX-License-Identifier: GPL-2.0

//! A queue pair of a channel: a ring in each direction, a control page on each side, and an event
//! channel. Its slot sends and receives through it, independently of the channel's others.

use crate::control::{account::Account, session::Ends};
use crate::data::{
    backlog::{self, Backlog},
    idle::Idle,
    rx::Rx,
    slot::{NapiSlot, Port, Slot},
    tx::Tx,
};
use kapi::{
    cpu,
    net::{
        napi::Enabled,
        netdevice::OwnDevice,
        poll_timer::PollTimer, //
    },
    xen::{
        grant_budget::GrantReferences,
        grant_table::{OwnControlPage, OwnRingPages, PeerControlPage, PeerRingPages},
    },
};
use kernel::{prelude::*, sync::Arc};
use xenfifo::{layout::PAGE, Consumer, ControlHeader, HeaderError, PeerControl, Producer, Word};
use xlnet_protocol::{ChannelId, QueuePairOffer, Role, SchemaError, MAX_RING_PAGES};

/// What shows in /proc/interrupts.
const INTERRUPT: &CStr = c"xlnet";

/// Why our half of a channel could not be made.
pub(crate) enum AllocateError {
    /// The peer keeps too much of earlier channels.
    Owed,
    /// All grants that channels may take are taken, or as many are not free besides the reserve.
    Grants(Error),
    /// There is no memory.
    Memory(Error),
    /// There is no event channel.
    Port(Error),
}

impl AllocateError {
    /// Whether there is not enough for all the channels that there are to be.
    pub(crate) fn is_shortage(&self) -> bool {
        !matches!(self, Self::Owed)
    }
}

impl core::fmt::Display for AllocateError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Owed => f.write_str("it keeps too much memory of earlier ones"),
            Self::Grants(error) => write!(f, "too few grants are left for channels ({error:?})"),
            Self::Memory(error) => write!(f, "granting it memory failed ({error:?})"),
            Self::Port(error) => write!(f, "allocating an event channel failed ({error:?})"),
        }
    }
}

/// Why a channel could not be completed.
pub(crate) enum MapError {
    /// Xen or the kernel refused.
    Kernel(Error),
    /// There is no event channel, or none behind the port that the peer offers.
    Port(Error),
    /// The peer's control page is none.
    Header(HeaderError),
    /// What the peer's control page says of further queue pairs cannot be.
    QueuePairs(SchemaError),
    /// The peer's control page belongs to another channel, or is past this stage.
    Stale,
}

impl From<Error> for MapError {
    fn from(error: Error) -> Self {
        Self::Kernel(error)
    }
}

impl core::fmt::Display for MapError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Kernel(error) => write!(f, "mapping its memory failed ({error:?})"),
            Self::Port(error) => write!(f, "binding its event channel failed ({error:?})"),
            Self::Header(error) => write!(f, "its control page: {error}"),
            Self::QueuePairs(error) => write!(f, "its control page: {error}"),
            Self::Stale => f.write_str("its control page belongs to another channel"),
        }
    }
}

/// Which channel it is, and whose.
pub(crate) struct Identity {
    pub(crate) role: Role,
    pub(crate) account: Arc<Account>,
    pub(crate) id: ChannelId,
}

impl Identity {
    fn peer(&self) -> u16 {
        self.account.domid().raw()
    }
}

/// The peer's half of a queue pair: what it offers, and its control page.
pub(crate) struct PeerHalf {
    offer: QueuePairOffer,
    pub(crate) page: PeerControlPage,
    ring_pages: usize,
}

impl PeerHalf {
    /// Maps the control page and checks that it belongs to the channel.
    ///
    /// # Errors
    ///
    /// See [`MapError`].
    pub(crate) fn map(identity: &Identity, offer: QueuePairOffer) -> Result<Self, MapError> {
        let page = PeerControlPage::map(identity.peer(), offer.grant)?;
        let header = ControlHeader::read(&page).map_err(MapError::Header)?;
        let id = identity.id;
        if header.cookie() != id.nonce || header.generation() != id.generation {
            return Err(MapError::Stale);
        }
        let ring_pages = (header.ring_bytes() / PAGE) as usize;
        if ring_pages > MAX_RING_PAGES {
            return Err(MapError::Kernel(E2BIG));
        }
        Ok(Self {
            offer,
            page,
            ring_pages,
        })
    }

    /// Maps the ring.
    fn map_ring(&self, peer: u16) -> Result<PeerRingPages> {
        let mut grants = KVec::from_elem(0, self.ring_pages, GFP_KERNEL)?;
        self.page.read_user(0, &mut grants)?;
        PeerRingPages::map(peer, &grants)
    }
}

/// A queue pair. Dropping it gives everything back: process context, RTNL not held.
pub(crate) struct QueuePair {
    slot: Arc<NapiSlot>,
    /// From when on it receives.
    receiving: Option<Enabled<Slot>>,
    port: Option<Arc<Port>>,
    pub(crate) peer: Option<PeerControlPage>,
    /// Until the data path has it.
    ring: Option<OwnRingPages>,
    pub(crate) own: OwnControlPage,
}

impl QueuePair {
    /// Allocates our half and grants it to the peer; the initiator also allocates the event
    /// channel. The ring has `ring_pages`, a power of two, for which and one more `references` are set aside.
    ///
    /// # Errors
    ///
    /// See [`AllocateError`]; nothing is allocated then.
    pub(crate) fn allocate(
        identity: &Identity,
        slot: &Arc<NapiSlot>,
        references: &mut GrantReferences,
        ring_pages: u32,
    ) -> Result<Self, AllocateError> {
        let (own, ring) = lend(identity, references, ring_pages).map_err(AllocateError::Memory)?;
        let port = match identity.role {
            Role::Initiator => {
                let port = Port::alloc_unbound(identity.peer(), INTERRUPT, slot.clone());
                Some(port.map_err(AllocateError::Port)?)
            }
            Role::Responder => None,
        };
        Ok(Self {
            slot: slot.clone(),
            receiving: None,
            port,
            peer: None,
            ring: Some(ring),
            own,
        })
    }

    /// What to offer the peer.
    pub(crate) fn offer(&self, role: Role) -> Option<QueuePairOffer> {
        Some(QueuePairOffer {
            grant: self.own.grant()?,
            port: match role {
                Role::Initiator => self.port.as_ref().map(|port| port.port()),
                Role::Responder => None,
            },
        })
    }

    /// Joins our half with the peer's, binds its port if it offers one, and receives from now on.
    /// `state` is the page that has the peer's state word.
    ///
    /// # Errors
    ///
    /// See [`MapError`]; the queue pair is of no use then.
    pub(crate) fn join(
        &mut self,
        identity: &Identity,
        half: PeerHalf,
        state: &PeerControlPage,
        dev: &OwnDevice,
    ) -> Result<(), MapError> {
        let peer_ring = half.map_ring(identity.peer())?;
        let port = match (&self.port, half.offer.port) {
            (Some(port), _) => port.clone(),
            (None, Some(port)) => {
                let port = Port::bind(identity.peer(), port, INTERRUPT, self.slot.clone());
                port.map_err(MapError::Port)?
            }
            (None, None) => return Err(MapError::Stale),
        };
        let (own, peer) = (&self.own, half.page);
        let ring = self.ring.take().ok_or(EINVAL)?;
        let geometry = |_| MapError::Kernel(EINVAL);
        let producer = Producer::new(own.clone(), peer.clone(), ring).map_err(geometry)?;
        let consumer = Consumer::new(own.clone(), peer.clone(), peer_ring).map_err(geometry)?;
        let backlog = Backlog::new(own.clone(), peer.clone());
        let tx = Tx::new(producer, port.clone(), backlog);
        self.slot.sender.begin(tx);
        self.peer = Some(peer);
        self.port = Some(port.clone());
        let timer = PollTimer::new(self.slot.clone())?;
        let idle = Idle::new(self.slot.idle_threads.clone());
        let rx = KBox::new(
            Rx::new(consumer, state.clone(), port, timer, idle),
            GFP_KERNEL,
        )
        .map_err(Error::from)?;
        self.receiving = Some(self.slot.clone().enable(dev, self.slot.queue.number, rx)?);
        // An event may have come before there was anybody to poll.
        self.slot.schedule();
        Ok(())
    }

    /// Has the peer's events arrive on a CPU, of this number, until it is known who waits for them.
    pub(crate) fn prefer_cpu(&self, number: u32) {
        if let (Some(port), Some(cpu)) = (&self.port, cpu::nth(number)) {
            // It works on any CPU.
            let _ = port.move_to(cpu);
        }
    }

    /// Where the two sides say which packets they take, if this is the first queue pair.
    pub(crate) fn ends(&self) -> Option<Ends> {
        Some(Ends {
            own: self.own.clone(),
            peer: self.peer.clone()?,
            port: self.port.clone()?,
        })
    }

    /// Sends the peer an event.
    pub(crate) fn notify(&self) {
        if let Some(port) = &self.port {
            port.notify();
        }
    }

    /// Whether all is received that the peer sent.
    pub(crate) fn is_rx_empty(&self) -> bool {
        self.peer
            .as_ref()
            .is_none_or(|peer| peer.load_acquire(Word::Producer) == self.own.load(Word::Consumer))
    }

    /// Whether the peer has received all that was sent.
    pub(crate) fn is_tx_empty(&self) -> bool {
        self.peer
            .as_ref()
            .is_none_or(|peer| backlog::received(&self.own, peer).is_none())
    }
}

impl Drop for QueuePair {
    fn drop(&mut self) {
        // Nobody receives any more, which unmaps the peer's ring, and nobody sends.
        self.receiving = None;
        let tx = self.slot.sender.end();
        // A fault of this channel must not be taken for one of the next.
        self.slot.queue.take_fault();
        // Not under the lock: ends the grants of our ring.
        drop(tx);
    }
}

/// Makes a control page and a ring, and lends them to the peer.
fn lend(
    identity: &Identity,
    references: &mut GrantReferences,
    ring_pages: u32,
) -> Result<(OwnControlPage, OwnRingPages)> {
    let lender = &identity.account.lender;
    let own = OwnControlPage::new(lender, references)?;
    let ring = OwnRingPages::new(lender, references, ring_pages as usize)?;
    own.write_user(0, ring.pages().grants())?;
    let id = identity.id;
    ControlHeader::new(ring_pages * PAGE, id.generation, id.nonce)
        .map_err(|_| EINVAL)?
        .write(&own);
    Ok((own, ring))
}
