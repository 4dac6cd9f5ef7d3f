// SPDX-License-Identifier: GPL-2.0

//! A channel to one peer: both halves of the shared memory and the event channel, from their
//! allocation to their return.

use crate::{
    account::Account,
    idle::Idle,
    rx::Rx,
    slot::{NapiSlot, Port},
    tx::Tx,
};
use kapi::{
    net::{device::Device, idle_poll::IdlePoll, poll_timer::PollTimer},
    xen::grant::{OwnControlPage, OwnRingPages, PeerControlPage, PeerRingPages},
};
use kernel::{prelude::*, sync::Arc};
use xenfifo::{
    layout::PAGE, Broken, Consumer, ControlHeader, HeaderError, OwnControl, PeerControl, Producer,
    State, Word,
};
use xlnet_protocol::{ChannelId, DomId, Offer, PeerState, PeerView, Role};

/// Pages of this side's ring, unless ethtool asked for others: 1 MiB, room for fifteen of the
/// largest packets.
pub(crate) const DEFAULT_RING_PAGES: u32 = 256;
/// A ring must have room for the largest packet and its header.
pub(crate) const MIN_RING_PAGES: u32 = 32;
/// The largest power of two of grant references that a control page has room for.
pub(crate) const MAX_RING_PAGES: u32 = 512;

/// What shows in /proc/interrupts.
const INTERRUPT: &CStr = c"xlnet";

/// Why our half of a channel could not be made.
pub(crate) enum AllocateError {
    /// The peer keeps too much of earlier channels.
    Owed,
    /// There is no memory, or no room in the grant table.
    Memory(Error),
    /// There is no event channel.
    Port(Error),
}

impl core::fmt::Display for AllocateError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Owed => f.write_str("it keeps too much memory of earlier ones"),
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
            Self::Stale => f.write_str("its control page belongs to another channel"),
        }
    }
}

/// A channel; see [`Channel::release`] for its end.
pub(crate) struct Channel {
    role: Role,
    peer_id: DomId,
    id: ChannelId,
    slot: Arc<NapiSlot>,
    own: OwnControlPage,
    /// Until the data path has it.
    ring: Option<OwnRingPages>,
    port: Option<Arc<Port>>,
    peer: Option<PeerControlPage>,
}

impl Channel {
    /// Allocates our half and grants it to the peer; the initiator also allocates the event
    /// channel. The ring has `ring_pages`, a power of two.
    ///
    /// # Errors
    ///
    /// See [`AllocateError`]; nothing is allocated then.
    pub(crate) fn allocate(
        role: Role,
        account: &Account,
        id: ChannelId,
        slot: &Arc<NapiSlot>,
        ring_pages: u32,
    ) -> Result<Self, AllocateError> {
        let peer_id = account.domid();
        if !account.may_borrow() {
            return Err(AllocateError::Owed);
        }
        let (own, ring) = Self::lend(account, id, ring_pages).map_err(AllocateError::Memory)?;
        let port = match role {
            Role::Initiator => {
                let port = Port::alloc_unbound(peer_id.raw(), INTERRUPT, slot.clone());
                Some(port.map_err(AllocateError::Port)?)
            }
            Role::Responder => None,
        };
        Ok(Self {
            role,
            peer_id,
            id,
            slot: slot.clone(),
            own,
            ring: Some(ring),
            port,
            peer: None,
        })
    }

    /// Makes the control page and the ring, and lends them to the peer.
    fn lend(
        account: &Account,
        id: ChannelId,
        ring_pages: u32,
    ) -> Result<(OwnControlPage, OwnRingPages)> {
        let own = OwnControlPage::new(&account.lender)?;
        let ring = OwnRingPages::new(&account.lender, ring_pages as usize)?;
        own.write_grants(ring.pages())?;
        let bytes = ring_pages * PAGE;
        ControlHeader::new(bytes, id.generation, id.nonce)
            .map_err(|_| EINVAL)?
            .write(&own);
        Ok((own, ring))
    }

    /// What to offer the peer.
    pub(crate) fn offer(&self) -> Option<Offer> {
        Some(Offer {
            channel: self.id,
            grant: self.own.grant()?,
            port: match self.role {
                Role::Initiator => self.port.as_ref().map(|port| port.port()),
                Role::Responder => None,
            },
        })
    }

    /// Maps the peer's half, checks it, binds its port if it offers one, and receives from now on.
    ///
    /// # Errors
    ///
    /// See [`MapError`]; the channel is to be released then.
    pub(crate) fn map(&mut self, offer: &Offer, dev: &Device) -> Result<(), MapError> {
        let peer_id = self.peer_id.raw();
        let peer = PeerControlPage::map(peer_id, offer.grant)?;
        let header = ControlHeader::read(&peer).map_err(MapError::Header)?;
        let same = header.cookie() == self.id.nonce && header.generation() == self.id.generation;
        // The responder is ready before it answers, the initiator not before it has the answer.
        let expected = match self.role {
            Role::Initiator => State::Ready,
            Role::Responder => State::Init,
        };
        if !same || State::load(&peer) != Ok(expected) {
            return Err(MapError::Stale);
        }
        let grants = peer.read_grants((header.ring_bytes() / PAGE) as usize)?;
        let peer_ring = PeerRingPages::map(peer_id, &grants)?;
        let port = match (&self.port, offer.port) {
            (Some(port), _) => port.clone(),
            (None, Some(port)) => {
                Port::bind(peer_id, port, INTERRUPT, self.slot.clone()).map_err(MapError::Port)?
            }
            (None, None) => return Err(MapError::Stale),
        };
        let ring = self.ring.take().ok_or(EINVAL)?;
        let geometry = |_| MapError::Kernel(EINVAL);
        let producer = Producer::new(self.own.clone(), peer.clone(), ring).map_err(geometry)?;
        let consumer =
            Consumer::new(self.own.clone(), peer.clone(), peer_ring).map_err(geometry)?;
        *self.slot.tx.lock() = Some(Tx::new(producer, port.clone()));
        self.peer = Some(peer.clone());
        self.port = Some(port.clone());
        let timer = PollTimer::new(self.slot.clone())?;
        let thread = self.slot.idle_thread.as_ref();
        let poll = thread
            .map(|thread| IdlePoll::new(thread.clone(), self.slot.clone()))
            .transpose()?;
        self.slot
            .enable(dev, Rx::new(consumer, peer, port, timer, Idle::new(poll)))?;
        // An event may have come before there was anybody to poll.
        self.slot.schedule();
        Ok(())
    }

    /// Declares our half ready and tells the peer. Returns whether the peer still is what it was
    /// when its half was mapped: it may have given the channel up in between, without having seen
    /// that we are ready.
    pub(crate) fn set_ready(&self) -> bool {
        self.set_state(State::Ready);
        self.own.full_barrier();
        match (self.role, &self.peer) {
            (Role::Initiator, Some(peer)) => State::load(peer) == Ok(State::Ready),
            (Role::Responder, Some(_)) => true,
            (_, None) => false,
        }
    }

    /// Writes our state word and tells the peer.
    pub(crate) fn set_state(&self, state: State) {
        state.store(&self.own);
        if let Some(port) = &self.port {
            port.notify();
        }
    }

    /// What shared memory says now. `None` before the peer's half is mapped.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer's state word is impossible.
    pub(crate) fn view(&self) -> Option<Result<PeerView, Broken>> {
        let peer = self.peer.as_ref()?;
        Some(State::load(peer).map(|state| PeerView {
            state: match state {
                State::Init => PeerState::Init,
                State::Ready => PeerState::Ready,
                State::Closing => PeerState::Closing,
                State::Closed => PeerState::Closed,
            },
            rx_empty: peer.load_acquire(Word::Producer) == self.own.load(Word::Consumer),
            tx_empty: peer.load_relaxed(Word::Consumer) == self.own.load(Word::Producer),
        }))
    }

    /// How far the peer has received, if there is something it has not.
    pub(crate) fn backlog(&self) -> Option<u32> {
        let consumed = self.peer.as_ref()?.load_relaxed(Word::Consumer);
        (consumed != self.own.load(Word::Producer)).then_some(consumed)
    }

    /// Gives everything back. Process context, RTNL not held.
    pub(crate) fn release(self, dev: &Device) {
        self.set_state(State::Closed);
        let rx = self.slot.disable();
        let tx = self.slot.tx.lock().take();
        // Whatever stopped the queue is gone.
        dev.wake_queue(self.slot.queue);
        // A fault of this channel must not be taken for one of the next.
        self.slot.take_fault();
        // Nothing interrupts any more, then the peer's memory is unmapped, then our grants end.
        let producer = tx.map(Tx::into_producer);
        let consumer = rx.map(Rx::into_consumer);
        drop(self.port);
        drop((consumer, self.peer));
        drop((producer, self.ring, self.own));
    }
}
