// SPDX-License-Identifier: GPL-2.0

//! What one guest was told: of its peers, and of why it meets nobody.
//!
//! Each call of XenStore waits for its turn among those of all guests, so what is told at one time is told in
//! one transaction, and a peer is one node.

use kapi::{
    time::now_ms,
    xen::xenbus::{self, Transaction},
};
use kernel::prelude::*;
use xlnet_protocol::{Addrs, DomId, Node, Offer, Path, PeerEntry, Reasons, Tree, Version};

/// When to try again what XenStore refused, in milliseconds.
const RETRY_MS: u64 = 1000;

/// What a guest was told.
pub(crate) struct Told {
    guest: DomId,
    /// The version of the protocol in which it is told of peers.
    version: Version,
    peers: KVVec<Peer>,
    /// Before then the guest is told of nobody.
    tell_at: u64,
    why: Reasons,
}

/// What a guest was told of a peer.
struct Peer {
    domid: DomId,
    entry: PeerEntry,
    /// The peer's offer, if it was relayed.
    offer: Option<Offer>,
    /// What is to be relayed of it.
    due: Option<Offer>,
}

impl Told {
    /// A guest that was told nothing. What somebody told it before is removed.
    ///
    /// # Errors
    ///
    /// XenStore's.
    pub(crate) fn nothing(guest: DomId) -> Result<Self> {
        for path in [
            Path::of(guest, Node::Told),
            path(guest, Version::One, Node::Peers),
        ] {
            xenbus::remove(format_args!("{path}"))?;
        }
        Ok(Self {
            guest,
            version: Version::Two,
            peers: KVVec::new(),
            tell_at: 0,
            why: Reasons::NONE,
        })
    }

    /// The peers it was told of.
    pub(crate) fn peers(&self) -> impl Iterator<Item = DomId> + '_ {
        self.peers.iter().map(|peer| peer.domid)
    }

    /// Has the guest told in this version. What it was told in another one is removed.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    pub(crate) fn follow_version(&mut self, version: Version) -> Result {
        if version != self.version {
            self.keep(|_| false)?;
            self.version = version;
        }
        Ok(())
    }

    /// Tells the guest why it meets nobody, or that it may again, if that is news.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    pub(crate) fn say_why(&mut self, reasons: Reasons) -> Result {
        if self.why == reasons {
            return Ok(());
        }
        // Guests of version 1 do not read it, but people do.
        let path = Path::of(self.guest, Node::Why);
        if reasons.is_empty() {
            xenbus::remove(format_args!("{path}"))?;
        } else {
            self.write(|transaction| {
                transaction.write(format_args!("{path}"), format_args!("{reasons}"))
            })?;
        }
        self.why = reasons;
        Ok(())
    }

    /// Tells the guest of peers, but for what it knows. Returns those whose offers are to be relayed (again).
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`; it was told nothing then.
    pub(crate) fn tell<'a>(
        &mut self,
        entries: impl Iterator<Item = (DomId, PeerEntry<&'a Addrs>)>,
    ) -> Result<KVec<DomId>> {
        let (mut news, mut met) = (KVVec::new(), KVec::new());
        for (domid, entry) in entries {
            let known = self.peers.iter().find(|peer| peer.domid == domid);
            if known.is_some_and(|known| known.entry.by_ref() == entry) {
                continue;
            }
            if known.is_none_or(|known| known.entry.nonce != entry.nonce) {
                met.push(domid, GFP_KERNEL)?;
            }
            news.push((domid, entry), GFP_KERNEL)?;
        }
        if news.is_empty() {
            return Ok(met);
        }
        if now_ms() < self.tell_at {
            return Err(EAGAIN);
        }
        self.peers.reserve(met.len(), GFP_KERNEL)?;
        // If XenStore refuses one of these, it is to have a while.
        self.tell_at = now_ms() + RETRY_MS;
        self.write(|transaction| {
            for (domid, entry) in &news {
                if met.contains(domid) && self.peers().any(|peer| peer == *domid) {
                    // With an old pair goes the offer that belonged to it.
                    let path = path(self.guest, self.version, Node::Peer(*domid));
                    transaction.remove(format_args!("{path}"))?;
                }
                self.write_entry(transaction, *domid, entry)?;
            }
            Ok(())
        })?;
        self.tell_at = 0;
        for (domid, entry) in news {
            match self.peers.iter_mut().find(|peer| peer.domid == domid) {
                Some(peer) => peer.update(entry),
                None => self.peers.push(Peer::new(domid, &entry), GFP_KERNEL)?,
            }
        }
        Ok(met)
    }

    fn write_entry(&self, to: &Transaction, peer: DomId, entry: &PeerEntry<&Addrs>) -> Result {
        match self.version {
            Version::One => {
                for (node, value) in entry.nodes_of_version1(peer) {
                    let path = path(self.guest, self.version, node);
                    to.write(format_args!("{path}"), format_args!("{value}"))?;
                }
                Ok(())
            }
            Version::Two => {
                let path = path(self.guest, self.version, Node::Peer(peer));
                to.write(format_args!("{path}"), format_args!("{entry}"))
            }
        }
    }

    /// Takes back what the guest was told of those that it may not meet any more.
    ///
    /// # Errors
    ///
    /// XenStore's; what is left is tried again by the next call.
    pub(crate) fn keep(&mut self, mut may_meet: impl FnMut(DomId) -> bool) -> Result {
        let (guest, version) = (self.guest, self.version);
        let mut result = Ok(());
        self.peers.retain(|peer| {
            if may_meet(peer.domid) {
                return true;
            }
            let path = path(guest, version, Node::Peer(peer.domid));
            let removed = xenbus::remove(format_args!("{path}"));
            result = result.and(removed);
            removed.is_err()
        });
        result
    }

    /// Takes back all that the guest was told.
    ///
    /// # Errors
    ///
    /// XenStore's.
    pub(crate) fn withdraw(&mut self) -> Result {
        let kept = self.keep(|_| false);
        let path = Path::of(self.guest, Node::Told);
        kept.and(xenbus::remove(format_args!("{path}")))
    }

    /// Has a peer's offer relayed, or its absence. An offer for another pair of instances than the one
    /// the guest was told of is no offer to it.
    pub(crate) fn relay(&mut self, peer: DomId, offer: Option<Offer>) {
        if let Some(peer) = self.peers.iter_mut().find(|known| known.domid == peer) {
            peer.due = offer.filter(|offer| offer.channel.nonce == peer.entry.nonce);
        }
    }

    /// Relays the offers that are to be.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    pub(crate) fn relay_due(&mut self) -> Result {
        if self.peers.iter().all(|peer| peer.due == peer.offer) {
            return Ok(());
        }
        self.write(|transaction| {
            for peer in self.peers.iter().filter(|peer| peer.due != peer.offer) {
                let path = path(self.guest, self.version, Node::PeerOffer(peer.domid));
                match &peer.due {
                    Some(offer) => {
                        transaction.write(format_args!("{path}"), format_args!("{offer}"))?;
                    }
                    None => transaction.remove(format_args!("{path}"))?,
                }
            }
            Ok(())
        })?;
        for peer in &mut self.peers {
            peer.offer = peer.due;
        }
        Ok(())
    }

    /// Writes for the guest, all or nothing, and nothing if it is gone: its directory would be there again, for
    /// nobody to remove, and mean something to the next one of that id.
    fn write(&self, mut work: impl FnMut(&Transaction) -> Result) -> Result {
        let domid = self.guest.raw();
        Transaction::run(|transaction| {
            match transaction.read(fmt!("/local/domain/{domid}/domid"))? {
                Some(_) => work(transaction),
                None => Ok(()),
            }
        })
    }
}

impl Peer {
    // Inlined, it would lie on the stack twice.
    #[inline(never)]
    fn new(domid: DomId, entry: &PeerEntry<&Addrs>) -> Self {
        Self {
            domid,
            entry: entry.copied(),
            offer: None,
            due: None,
        }
    }

    /// The guest was told this of it.
    fn update(&mut self, entry: PeerEntry<&Addrs>) {
        let PeerEntry {
            mac,
            addrs,
            own,
            nonce,
        } = entry;
        if self.entry.nonce != nonce {
            (self.offer, self.due) = (None, None);
        }
        // One after the other, as they are long.
        (self.entry.mac, self.entry.nonce) = (mac, nonce);
        self.entry.addrs = *addrs;
        self.entry.own = *own;
    }
}

/// Where a guest is told.
const fn path(guest: DomId, version: Version, node: Node) -> Path {
    let tree = match version {
        Version::One => Tree::OfVersion1(guest),
        Version::Two => Tree::Of(guest),
    };
    Path { tree, node }
}
