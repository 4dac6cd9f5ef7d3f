// SPDX-License-Identifier: GPL-2.0

//! To whom this guest wants channels, and what it says of that to dom0.
//!
//! Who that is decides [`Acquaintances`]; here is what it decides by: the NIC's neighbours, what is sent to
//! peers, and what is sent to former ones, whose addresses stay routed through xl0 for that.

use crate::control::{
    account::Account,
    avoid::Avoid,
    candidate::{Candidate, Way},
    known::Known,
    nic::Nic,
    peer::Peer,
    publisher::Publisher,
};
use crate::data::{
    dormant::Dormant,
    table::{Own, Table},
};
use kapi::{net::neighbour::Neighbour, work::Worker};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};
use xlnet_protocol::{Acquaintance, Acquaintances, Addrs, Mac, Shortage, Wish, NOBODY};

/// So many neighbours are remembered.
const MAX_KNOWN: usize = 256;
/// So many addresses of a former peer stay routed through xl0. All of them are looked up twice a second, and others say
/// how many there are.
const MAX_ROUTED: usize = 4;
/// How often dom0 is told the same wishes in another order, in milliseconds: of two that are wanted alike now one comes
/// first and now the other, and each time dom0 decides about all guests.
const REORDER_MS: u64 = 2000;
/// How often it is looked which neighbours are in use, in milliseconds: not all of that is told ...
const SCAN_MS: u64 = 2000;
/// ... and how soon again if it is: on a large link it is all the time, and who wants to can have it told with each
/// packet.
const SCAN_PACE_MS: u64 = 50;

pub(crate) struct Demand {
    known: Acquaintances<VVec<Option<Acquaintance>>>,
    formers: KVec<Former>,
    shortage: Shortage,
    avoid: Arc<Avoid>,
    /// This guest's addresses, as far as they are taken note of.
    own: Addrs,
    /// What dom0 is told of it, and since when.
    said: Option<Wish>,
    said_at: u64,
    scanned_at: u64,
    scan_at: u64,
}

/// A peer that dom0 does not tell of any more.
struct Former {
    mac: Mac,
    account: Arc<Account>,
    addresses: KVec<Known>,
    own: Arc<Own>,
    dormant: Arc<Dormant>,
}

impl Former {
    fn new(peer: &Peer) -> Result<Self> {
        let mut addresses = peer.addresses()?;
        addresses.truncate(MAX_ROUTED);
        Ok(Self {
            mac: peer.mac(),
            account: peer.account().clone(),
            addresses,
            own: peer.own().clone(),
            dormant: Arc::new(Dormant::new(), GFP_KERNEL)?,
        })
    }

    /// See [`Demand::follow_own`]; `known` are those that were there before.
    // Inlined, its lists would lie on the stack with those of who calls it.
    #[inline(never)]
    fn follow_own(&mut self, own: &Addrs, known: &Addrs) -> Result {
        let mut counting = Addrs::new();
        for address in own.iter() {
            if self.own.vouches(address) || !known.contains(address) {
                // A part of such a list is one.
                let _ = counting.push(address);
            }
        }
        self.own = Arc::new(Own::new(counting, |_| false), GFP_KERNEL)?;
        Ok(())
    }
}

impl Demand {
    /// A guest that has room for `channels`, which close when nothing was sent for `idle_ms`, never if that is 0.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline(never)]
    pub(crate) fn new(channels: u16, idle_ms: u64, avoid: Arc<Avoid>) -> Result<KBox<Self>> {
        let table = VVec::from_elem(NOBODY, MAX_KNOWN, GFP_KERNEL)?;
        let this = Self {
            known: Acquaintances::new(table, idle_ms),
            formers: KVec::new(),
            shortage: Shortage::none(channels),
            avoid,
            own: Addrs::new(),
            said: None,
            said_at: 0,
            scanned_at: 0,
            scan_at: 0,
        };
        Ok(KBox::new(this, GFP_KERNEL)?)
    }

    /// Looks who is talked to; `changed` tells that neighbours are known to have changed, until they are looked at,
    /// `short` that there were no grants or no memory for a channel. Returns whether the table of addresses is to be
    /// made anew. Process context.
    pub(crate) fn look(
        &mut self,
        nic: &Nic,
        peers: &mut [Peer],
        changed: &Atomic<bool>,
        short: bool,
        now: u64,
    ) -> bool {
        if changed.load(Relaxed) {
            self.scan_at = self.scan_at.min(self.scanned_at + SCAN_PACE_MS);
        }
        if now >= self.scan_at {
            // What changes from here on is told.
            changed.xchg(false, Full);
            (self.scanned_at, self.scan_at) = (now, now + SCAN_MS);
            self.scan(nic, now);
        }
        for peer in peers.iter_mut() {
            self.known.sent(peer.mac(), peer.take_sent(), now);
        }
        for former in &self.formers {
            self.known.sent(former.mac, former.dormant.take(), now);
        }
        let open = peers.iter().filter(|peer| !peer.is_idle()).count() as u16;
        if short {
            self.shortage.found(open, now);
            let without = peers.iter().filter(|peer| peer.is_idle());
            without.for_each(|peer| self.known.refused(peer.mac()));
        }
        self.shortage.tick(open, now);
        self.known.tick(now);
        self.forget_formers()
    }

    /// Looks which neighbours the kernel uses.
    fn scan(&mut self, nic: &Nic, now: u64) {
        let Some(dev) = nic.device() else {
            return;
        };
        dev.neighbours(|Neighbour { mac, address }| {
            if self.avoid.avoids(address, mac) {
                return;
            }
            if let Ok(mac) = Mac::new(mac) {
                self.known.neighbour(mac, address, now);
            }
        });
    }

    /// Forgets formers that are none any more. Returns whether there were some.
    fn forget_formers(&mut self) -> bool {
        let known = &mut self.known;
        let mut changed = false;
        self.formers.retain(|former| {
            // One without addresses is still known for what goes through it elsewhere.
            let addresses = &former.addresses;
            if !addresses.is_empty() && addresses.iter().all(Known::is_elsewhere) {
                known.forget(former.mac);
            }
            let stays = known.is_former(former.mac);
            changed |= !stays;
            stays
        });
        changed
    }

    /// This guest has these addresses now. Of those that are new dom0 has not said to formers whether it vouches for
    /// them: what is sent to a former from there counts until it has. So temporary addresses of IPv6 do not end that a
    /// former is routed through xl0.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the next call tries again.
    pub(crate) fn follow_own(&mut self, own: &Addrs) -> Result {
        if own.iter().all(|address| self.own.contains(address)) {
            self.own = *own;
            return Ok(());
        }
        let known = &self.own;
        self.formers
            .iter_mut()
            .try_for_each(|former| former.follow_own(own, known))?;
        self.own = *own;
        Ok(())
    }

    /// Channels take more or less than they did.
    pub(crate) fn forget_shortage(&mut self) {
        self.shortage.forget();
    }

    /// dom0 tells of a peer with this MAC.
    pub(crate) fn introduced(&mut self, mac: Mac, now: u64) {
        self.known.introduced(mac, now);
    }

    /// dom0 tells of it no more.
    pub(crate) fn withdrawn(&mut self, mac: Mac) {
        self.known.withdrawn(mac);
    }

    /// What is known of a peer's addresses since it was one before.
    pub(crate) fn take_former(&mut self, mac: Mac) -> KVec<Known> {
        let at = self.formers.iter().position(|former| former.mac == mac);
        let former = at.and_then(|at| self.formers.remove(at).ok());
        former.map_or(KVec::new(), |former| former.addresses)
    }

    /// A peer is forgotten that dom0 tells of no more. Without memory it is a stranger again: nothing would tell
    /// when it is sent to.
    pub(crate) fn remember(&mut self, peer: &Peer) {
        let mac = peer.mac();
        if !self.known.is_former(mac) || peer.is_broken() {
            return;
        }
        self.take_former(mac);
        let kept =
            Former::new(peer).and_then(|former| Ok(self.formers.push(former, GFP_KERNEL)?));
        if kept.is_err() {
            self.known.forget(mac);
        }
    }

    /// Adds the addresses of former peers to a table in which those of peers are already, and to what the router is
    /// to look at.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn list(&self, table: &mut Table, candidates: &mut KVVec<Candidate>) -> Result {
        for former in &self.formers {
            for known in &former.addresses {
                let candidate = Candidate {
                    address: known.address,
                    way: Way::Dormant(former.dormant.clone()),
                    account: former.account.clone(),
                    own: former.own.clone(),
                    sighting: known.sighting.clone(),
                };
                if table.add(candidate.entry())? {
                    candidates.push(candidate, GFP_KERNEL)?;
                }
            }
        }
        Ok(())
    }

    /// Has formers tell when they are sent to, as far as that is to be known. Returns whether the router is to look
    /// at them.
    pub(crate) fn listen(&self) -> bool {
        let short = self.known.is_short(self.shortage.room());
        self.formers.iter().fold(false, |changed, former| {
            let wanted = self.known.wants(former.mac);
            former.dormant.set(!wanted || short, !wanted) || changed
        })
    }

    /// Says to dom0 what is wanted, if that is news.
    ///
    /// # Errors
    ///
    /// XenStore's, as long as there is no advert.
    #[inline(never)]
    pub(crate) fn say(&mut self, publisher: &Worker<Publisher>, now: u64) -> Result {
        let wish = self.known.wish(self.shortage.room(), now);
        let known = self.said.as_ref().is_some_and(|said| {
            let reordered = || said.room == wish.room && said.distance(&wish) == 0;
            *said == wish || now < self.said_at + REORDER_MS && reordered()
        });
        if !known {
            publisher.get().say(&wish)?;
            publisher.kick();
            (self.said, self.said_at) = (Some(wish), now);
        }
        Ok(())
    }

    /// What was said went with the advert.
    pub(crate) fn unsay(&mut self) {
        self.said = None;
    }

    /// While nothing is heard, addresses may move.
    pub(crate) fn forget_sightings(&self) {
        for known in self.formers.iter().flat_map(|former| &former.addresses) {
            known.sighting.forget(known.sighting.last());
        }
    }

    /// This may be another host, where others are.
    pub(crate) fn forget_all(&mut self) {
        self.known.forget_all();
        self.formers.clear();
        // XenStore may be another one, too.
        self.said = None;
        self.scan_at = 0;
    }

    /// When to look again.
    pub(crate) fn next(&self, now: u64) -> u64 {
        let next = [self.known.next(now), self.shortage.next()];
        next.into_iter().flatten().fold(self.scan_at, u64::min)
    }
}
