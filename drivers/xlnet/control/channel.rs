// SPDX-License-Identifier: GPL-2.0

//! A channel to one peer: its queue pairs, and what both sides say about all of them, from their
//! allocation to their return.
//!
//! The first queue pair is the one that the offer names. Its control page names the others, has the
//! state word of the whole channel, and its event channel tells of changes of that.

use crate::control::{
    account::Account,
    opened::Opened,
    queue_pair::{AllocateError, Identity, MapError, PeerHalf, QueuePair},
    router::RouterKick,
    session::Session,
};
use crate::data::{group::Group, settings::Settings};
use core::iter::once;
use kapi::{
    net::netdevice::OwnDevice,
    xen::{grant_budget::GrantReferences, grant_table::PeerControlPage},
    Show,
};
use kernel::{prelude::*, sync::Arc};
use xenfifo::{Broken, OwnControl, State};
use xlnet_protocol::{
    ChannelId, Field, FurtherQueuePairs, Kind, Offer, PeerState, PeerView, QueuePairOffer, Role,
    SchemaError,
};

/// A channel. Dropping it gives everything back, whatever state it is in: process context, RTNL not held.
pub(crate) struct Channel {
    identity: Identity,
    settings: Settings,
    group: Arc<Group>,
    /// While packets take it, or are still on the way through it.
    opened: Option<Opened>,
    first: QueuePair,
    further: KVec<QueuePair>,
}

impl Channel {
    /// Allocates our half and grants it to the peer; the initiator also allocates the event
    /// channels. The responder has only the first queue pair until it knows how many the peer
    /// offers.
    ///
    /// # Errors
    ///
    /// See [`AllocateError`]; nothing is allocated then.
    pub(crate) fn allocate(
        role: Role,
        account: &Arc<Account>,
        id: ChannelId,
        group: &Arc<Group>,
        settings: Settings,
    ) -> Result<Self, AllocateError> {
        if !account.may_borrow() {
            return Err(AllocateError::Owed);
        }
        let identity = Identity {
            role,
            account: account.clone(),
            id,
        };
        let invalid = || AllocateError::Memory(EINVAL);
        let slot = group.slots().first().ok_or_else(invalid)?;
        let pairs = match role {
            Role::Initiator => settings.queue_pairs.min(group.slots().len()),
            Role::Responder => 1,
        };
        let (mut references, pairs) = set_aside(&identity, pairs, settings.ring_pages)?;
        let mut this = Self {
            first: QueuePair::allocate(&identity, slot, &mut references, settings.ring_pages)?,
            further: KVec::new(),
            identity,
            settings,
            group: group.clone(),
            opened: None,
        };
        if let Role::Initiator = role {
            this.add_queue_pairs(pairs - 1, &mut references)
                .map_err(AllocateError::Memory)?;
        }
        Ok(this)
    }

    /// Allocates our half of `count` more queue pairs, of fewer if there is not enough for so many,
    /// and tells the peer of them.
    fn add_queue_pairs(&mut self, count: usize, references: &mut GrantReferences) -> Result {
        let mut description = FurtherQueuePairs::default();
        let pages = self.settings.ring_pages;
        for slot in self.group.slots().iter().skip(1).take(count) {
            match QueuePair::allocate(&self.identity, slot, references, pages) {
                Ok(pair) => {
                    let offer = pair.offer(self.identity.role).ok_or(EINVAL)?;
                    description.push(offer).map_err(|_| EINVAL)?;
                    self.further.push(pair, GFP_KERNEL)?;
                }
                Err(error) => {
                    let has = 1 + self.further.len();
                    self.identity
                        .account
                        .warn(fmt!("no more than {has} queue pairs: {}", Show(error)));
                    break;
                }
            }
        }
        let words = description.to_words();
        self.first.own.write_user(FurtherQueuePairs::OFFSET, words)
    }

    /// What to offer the peer.
    pub(crate) fn offer(&self) -> Option<Offer> {
        let QueuePairOffer { grant, port } = self.first.offer(self.identity.role)?;
        Some(Offer {
            channel: self.identity.id,
            grant,
            port,
        })
    }

    /// Maps the peer's half, checks it, binds its ports if it offers any, and receives from now on.
    ///
    /// # Errors
    ///
    /// See [`MapError`]; the channel is of no use then.
    pub(crate) fn map(&mut self, offer: &Offer, dev: &OwnDevice) -> Result<(), MapError> {
        let first = PeerHalf::map(&self.identity, offer.into())?;
        // The responder is ready before it answers, the initiator not before it has the answer.
        let expected = match self.identity.role {
            Role::Initiator => State::Ready,
            Role::Responder => State::Init,
        };
        if State::load(&first.page) != Ok(expected) {
            return Err(MapError::Stale);
        }
        let further = read_further(&first.page, offer).map_err(MapError::QueuePairs)?;
        self.agree_on(further.len())?;
        let state = first.page.clone();
        self.first.join(&self.identity, first, &state, dev)?;
        for (pair, offer) in self.further.iter_mut().zip(further.iter()) {
            let half = PeerHalf::map(&self.identity, *offer)?;
            pair.join(&self.identity, half, &state, dev)?;
        }
        self.spread();
        Ok(())
    }

    /// Takes as many queue pairs as both sides have: the responder decides, among those offered.
    fn agree_on(&mut self, further: usize) -> Result<(), MapError> {
        match self.identity.role {
            Role::Initiator if further > self.further.len() => {
                let (field, kind) = (Field::QueuePairs, Kind::Range);
                Err(MapError::QueuePairs(SchemaError { field, kind }))
            }
            Role::Initiator => {
                self.further.truncate(further);
                Ok(())
            }
            Role::Responder => {
                let has = self.settings.queue_pairs.min(self.group.slots().len());
                let wanted = further.min(has - 1);
                if wanted == 0 {
                    return Ok(());
                }
                match set_aside(&self.identity, wanted, self.settings.ring_pages) {
                    Ok((mut references, count)) => {
                        Ok(self.add_queue_pairs(count, &mut references)?)
                    }
                    // The first one does.
                    Err(_) => Ok(()),
                }
            }
        }
    }

    /// Has the queue pairs served by different CPUs, until they follow those who send. A single one stays
    /// where Xen's interrupt code put it until then.
    fn spread(&self) {
        if self.further.is_empty() {
            return;
        }
        // Peers begin at different CPUs.
        for (cpu, pair) in (u32::from(self.group.number())..).zip(self.pairs()) {
            pair.prefer_cpu(cpu);
        }
    }

    fn pairs(&self) -> impl Iterator<Item = &QueuePair> {
        Iterator::chain(once(&self.first), &self.further)
    }

    /// Declares our half ready and tells the peer. Returns whether the peer still is what it was
    /// when its half was mapped: it may have given the channel up in between, without having seen
    /// that we are ready.
    pub(crate) fn set_ready(&self) -> bool {
        self.set_state(State::Ready);
        self.first.own.full_barrier();
        match (self.identity.role, &self.first.peer) {
            (Role::Initiator, Some(peer)) => State::load(peer) == Ok(State::Ready),
            (Role::Responder, Some(_)) => true,
            (_, None) => false,
        }
    }

    /// Has packets take the channel from now on.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EINVAL` before the peer's half is mapped.
    pub(crate) fn open(&mut self, dev: &OwnDevice, router: &RouterKick) -> Result {
        let ends = self.first.ends().ok_or(EINVAL)?;
        let account = self.identity.account.clone();
        let session = Session::new(self.group.clone(), account, ends);
        let pairs = 1 + self.further.len();
        // What both know, and nobody else who might send.
        let ChannelId { nonce, generation } = self.identity.id;
        let flow_key = [nonce, generation.into()];
        self.opened = Some(Opened::begin(session, pairs, flow_key, dev, router)?);
        Ok(())
    }

    /// Takes no more packets and says so; goes on receiving.
    pub(crate) fn begin_close(&self) {
        if let Some(opened) = &self.opened {
            opened.withdraw();
        }
        self.set_state(State::Closing);
    }

    /// Writes our state word and tells each of the peer's queue pairs, which sends to us by itself.
    fn set_state(&self, state: State) {
        state.store(&self.first.own);
        self.pairs().for_each(QueuePair::notify);
    }

    /// What shared memory says now. `None` before the peer's half is mapped.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the peer's state word is impossible.
    pub(crate) fn view(&self) -> Option<Result<PeerView, Broken>> {
        let peer = self.first.peer.as_ref()?;
        Some(State::load(peer).map(|state| PeerView {
            state: match state {
                State::Init => PeerState::Init,
                State::Ready => PeerState::Ready,
                State::Closing => PeerState::Closing,
                State::Closed => PeerState::Closed,
            },
            rx_empty: self.pairs().all(QueuePair::is_rx_empty),
            tx_empty: self.pairs().all(QueuePair::is_tx_empty),
        }))
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.opened = None;
        self.set_state(State::Closed);
    }
}

/// Sets grants aside for so many queue pairs, or for fewer if too few are left, but for one at least. Returns for
/// how many.
fn set_aside(
    identity: &Identity,
    pairs: usize,
    ring_pages: u32,
) -> Result<(GrantReferences, usize), AllocateError> {
    let budget = identity.account.lender.budget();
    let mut result = Err(AllocateError::Grants(EINVAL));
    for count in (1..=pairs).rev() {
        // No more than `MAX_QUEUE_PAIRS`.
        match budget.set_aside(count as u32 * (1 + ring_pages)) {
            Ok(references) => {
                if count < pairs {
                    let account = &identity.account;
                    account.warn(fmt!(
                        "{} queue pairs fewer, for lack of grants",
                        pairs - count
                    ));
                }
                return Ok((references, count));
            }
            Err(error) => result = Err(AllocateError::Grants(error)),
        }
    }
    result
}

/// Reads which queue pairs the peer has besides the first.
fn read_further(page: &PeerControlPage, first: &Offer) -> Result<FurtherQueuePairs, SchemaError> {
    let mut words = [0; FurtherQueuePairs::WORDS];
    // The user area has room for them, or there is none.
    let _ = page.read_user(FurtherQueuePairs::OFFSET, &mut words);
    FurtherQueuePairs::parse(&words, first)
}
