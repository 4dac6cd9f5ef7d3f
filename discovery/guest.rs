// SPDX-License-Identifier: GPL-2.0

//! One guest: what it wrote, and what it was told.

use crate::{introducer::Kick, pace::Pace, vifs};
use kapi::{
    errno::EILSEQ,
    xen::xenstore::{self, Value, Watch, WatchHandler},
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed, Release},
        Arc, Mutex,
    },
};
use xlnet_protocol::{
    roster::Vifs, Advert, AdvertText, DomId, Node, Offer, Path, PeerEntry, SchemaError,
};

/// Of so many changed offers each is noted; of more, that any may have changed.
const MAX_NOTED: usize = 64;

/// What a guest changed since it was last looked at.
#[pin_data]
struct Changes {
    advert: Atomic<bool>,
    #[pin]
    offers: Mutex<Offers>,
}

/// Offers of a guest.
enum Offers {
    /// Those to these peers.
    To(KVec<DomId>),
    All,
}

impl Offers {
    const fn none() -> Self {
        Self::To(KVec::new())
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::To(peers) if peers.is_empty())
    }

    /// Adds the offer to `peer`.
    fn add(&mut self, peer: DomId) {
        let Self::To(peers) = self else {
            return;
        };
        if peers.contains(&peer) {
            return;
        }
        if peers.len() >= MAX_NOTED || peers.push(peer, GFP_KERNEL).is_err() {
            *self = Self::All;
        }
    }

    /// Takes all of them.
    fn take(&mut self) -> Self {
        core::mem::replace(self, Self::none())
    }
}

/// Marks what a guest changed.
pub(crate) struct GuestWatch {
    changes: Arc<Changes>,
    introducer: Kick,
}

impl WatchHandler for GuestWatch {
    fn changed(&self, path: &str) {
        match Path::parse(path).map(|path| path.node) {
            // What is below `peer` we wrote ourselves; other names mean nothing.
            None
            | Some(
                Node::Peers
                | Node::Peer(_)
                | Node::PeerMac(_)
                | Node::PeerAddr(_)
                | Node::PeerOwn(_)
                | Node::PeerNonce(_)
                | Node::PeerOffer(_),
            ) => return,
            Some(Node::Offer(peer)) => self.changes.offers.lock().add(peer),
            Some(Node::Offers) => *self.changes.offers.lock() = Offers::All,
            Some(Node::Root) => {
                self.changes.advert.store(true, Release);
                *self.changes.offers.lock() = Offers::All;
            }
            Some(Node::Version | Node::Features | Node::Instance | Node::Mac | Node::Addr) => {
                self.changes.advert.store(true, Release);
            }
        }
        self.introducer.kick();
    }
}

/// A guest that dom0 watches.
pub(crate) struct Guest {
    domid: DomId,
    changes: Arc<Changes>,
    _watch: Watch<GuestWatch>,
    advert_pace: Pace,
    offers_pace: Pace,
    /// Offers that are to be looked at for another reason than a change of theirs.
    relay_again: Offers,
    pub(crate) advert: Option<Result<Advert, SchemaError>>,
    pub(crate) vifs: Vifs,
    told: KVec<Told>,
}

/// What a guest was told of a peer.
struct Told {
    peer: DomId,
    entry: PeerEntry,
    /// The peer's offer, if it was relayed.
    offer: Option<Offer>,
    /// Whether it is still to be told, see [`Guest::begin`].
    wanted: bool,
}

impl Guest {
    /// Begins to watch a guest. What somebody told it before is removed.
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`.
    pub(crate) fn new(domid: DomId, introducer: &Kick) -> Result<Self> {
        let changes = Arc::pin_init(
            pin_init!(Changes {
                advert: Atomic::new(true),
                offers <- new_mutex!(Offers::All),
            }),
            GFP_KERNEL,
        )?;
        xenstore::remove(format_args!("{}", Path::of(domid, Node::Peers)))?;
        let watch = Watch::new(
            format_args!("{}", Path::of(domid, Node::Root)),
            GuestWatch {
                changes: changes.clone(),
                introducer: introducer.clone(),
            },
        )?;
        Ok(Self {
            domid,
            changes,
            _watch: watch,
            advert_pace: Pace::new(),
            offers_pace: Pace::new(),
            relay_again: Offers::none(),
            advert: None,
            vifs: Vifs::new(),
            told: KVec::new(),
        })
    }

    pub(crate) fn domid(&self) -> DomId {
        self.domid
    }

    /// Whether there are changes that wait, since there were too many before.
    pub(crate) fn is_held_up(&self) -> bool {
        self.changes.advert.load(Relaxed) || !self.changes.offers.lock().is_empty()
    }

    /// Reads the advert again if it changed.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    pub(crate) fn read_advert(&mut self) -> Result {
        if self.changes.advert.load(Relaxed) && self.advert_pace.take() {
            self.changes.advert.xchg(false, Full);
            self.advert = read_advert(self.domid).inspect_err(|_| {
                self.changes.advert.store(true, Release);
            })?;
        }
        Ok(())
    }

    /// Reads the vifs.
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`.
    pub(crate) fn read_vifs(&mut self) -> Result {
        self.vifs = vifs::read(self.domid)?;
        Ok(())
    }

    /// The peers to which the offers changed, or are to be looked at again, since the last call.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the next call tries again.
    pub(crate) fn take_offers(&mut self) -> Result<KVec<DomId>> {
        let mut changed = self.changes.offers.lock();
        if !changed.is_empty() && self.offers_pace.take() {
            match changed.take() {
                Offers::To(peers) => peers.iter().for_each(|peer| self.relay_again.add(*peer)),
                Offers::All => self.relay_again = Offers::All,
            }
        }
        drop(changed);
        let told = &self.told;
        match self.relay_again.take() {
            Offers::To(mut peers) => {
                // A guest may write offers to whom it likes.
                peers.retain(|peer| told.iter().any(|told| told.peer == *peer));
                Ok(peers)
            }
            Offers::All => {
                let mut peers = KVec::new();
                for told in told {
                    peers
                        .push(told.peer, GFP_KERNEL)
                        .inspect_err(|_| self.relay_again = Offers::All)?;
                }
                Ok(peers)
            }
        }
    }

    /// Has the offer to a peer looked at again.
    pub(crate) fn relay_again(&mut self, peer: DomId) {
        self.relay_again.add(peer);
    }

    /// Reads the guest's offer to a peer. `None` if there is none, or it is malformed.
    ///
    /// # Errors
    ///
    /// XenStore's.
    pub(crate) fn read_offer(&self, peer: DomId) -> Result<Option<Offer>> {
        let text = read(self.domid, Node::Offer(peer))?;
        Ok(text.and_then(|text| Offer::parse(&text).ok()))
    }

    /// Begins a round of [`Guest::tell`], at whose end [`Guest::forget_others`] is called.
    pub(crate) fn begin(&mut self) {
        for told in &mut self.told {
            told.wanted = false;
        }
    }

    /// Tells the guest of a peer, unless it knows. Returns whether the peer's offer is to be
    /// relayed (again).
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`.
    pub(crate) fn tell(&mut self, peer: DomId, entry: &PeerEntry) -> Result<bool> {
        let told = self.told.iter_mut().find(|told| told.peer == peer);
        let known = told.is_some();
        let same_pair = matches!(&told, Some(told) if told.entry.nonce == entry.nonce);
        if let Some(told) = told {
            told.wanted = true;
            if told.entry == *entry {
                return Ok(false);
            }
        }
        if known && !same_pair {
            // With the old pair goes the offer that belonged to it.
            let path = Path::of(self.domid, Node::Peer(peer));
            xenstore::remove(format_args!("{path}"))?;
        }
        // In this order: the guest looks when it sees the last node.
        for (node, value) in entry.nodes(peer) {
            let path = Path::of(self.domid, node);
            xenstore::write(format_args!("{path}"), format_args!("{value}"))?;
        }
        if let Some(told) = self.told.iter_mut().find(|told| told.peer == peer) {
            told.entry = *entry;
            if !same_pair {
                told.offer = None;
            }
        } else {
            let told = Told {
                peer,
                entry: *entry,
                offer: None,
                wanted: true,
            };
            self.told.push(told, GFP_KERNEL)?;
        }
        Ok(!same_pair)
    }

    /// Removes what the guest was told of others than those of this round.
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`; what is left is tried again in the next round.
    pub(crate) fn forget_others(&mut self) -> Result {
        let guest = self.domid;
        let mut result = Ok(());
        self.told.retain(|told| {
            if told.wanted {
                return true;
            }
            let path = Path::of(guest, Node::Peer(told.peer));
            let removed = xenstore::remove(format_args!("{path}"));
            result = result.and(removed);
            removed.is_err()
        });
        result
    }

    /// Relays a peer's offer, or its absence. An offer for another pair of instances than the one
    /// the guest was told of is no offer to it.
    ///
    /// # Errors
    ///
    /// XenStore's.
    pub(crate) fn relay(&mut self, peer: DomId, offer: Option<Offer>) -> Result {
        let path = Path::of(self.domid, Node::PeerOffer(peer));
        let Some(told) = self.told.iter_mut().find(|told| told.peer == peer) else {
            return Ok(());
        };
        let offer = offer.filter(|offer| offer.channel.nonce == told.entry.nonce);
        if offer == told.offer {
            return Ok(());
        }
        match &offer {
            Some(offer) => {
                xenstore::write(format_args!("{path}"), format_args!("{offer}"))?;
            }
            None => xenstore::remove(format_args!("{path}"))?,
        }
        told.offer = offer;
        Ok(())
    }
}

/// Reads a node of a guest's. What is not even text is treated as not there: it is a claim of the
/// guest's like any other, and no reason to try again.
fn read(guest: DomId, node: Node) -> Result<Option<Value>> {
    match xenstore::read(format_args!("{}", Path::of(guest, node))) {
        Err(EILSEQ) => Ok(None),
        other => other,
    }
}

fn read_advert(guest: DomId) -> Result<Option<Result<Advert, SchemaError>>> {
    let Some(version) = read(guest, Node::Version)? else {
        return Ok(None);
    };
    let features = read(guest, Node::Features)?;
    let instance = read(guest, Node::Instance)?;
    let mac = read(guest, Node::Mac)?;
    let addr = read(guest, Node::Addr)?;
    Ok(Some(Advert::parse(&AdvertText {
        version: &version,
        features: features.as_deref(),
        instance: instance.as_deref(),
        mac: mac.as_deref(),
        addr: addr.as_deref(),
    })))
}
