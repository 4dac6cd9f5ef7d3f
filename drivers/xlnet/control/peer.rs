// SPDX-License-Identifier: GPL-2.0

//! A peer: what dom0 says of it, and how far the handshake with it is.

use crate::control::{
    account::Account,
    candidate::{Candidate, Way},
    channel::Channel,
    known::Known,
    link::{Guest, Link},
};
use crate::data::{
    group::Taken,
    queue::Fault,
    table::{Own, Table},
};
use kapi::{random::random_u64, time::now_ms, trace, Show};
use kernel::{fmt, prelude::*, sync::Arc};
use xenfifo::Broken;
use xlnet_protocol::{
    DomId, Event, Handshake, Mac, PeerEntry, PeerState, State as Progress, Traffic,
};

/// How often a connected peer is looked at, in milliseconds.
const LOOK_MS: u64 = 250;
/// How often a closing channel is looked at, in milliseconds.
const DRAIN_MS: u64 = 2;

/// A peer. Dropping it gives back all that there is of it, its channel too: process context, RTNL not held.
pub(crate) struct Peer {
    handshake: Handshake,
    link: Link,
    entry: KBox<PeerEntry>,
    addresses: KVec<Known>,
    own: Arc<Own>,
    /// Whether dom0 tells of the peer no longer.
    withdrawn: bool,
    /// Packets sent that are counted already.
    counted: u64,
}

impl Peer {
    /// A peer that dom0 introduced, with a group of its own. `before` is what is known of its addresses.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        own: DomId,
        account: Arc<Account>,
        entry: &PeerEntry,
        group: Taken,
        before: KVec<Known>,
    ) -> Result<Self> {
        let handshake = Handshake::new(own, account.domid(), random_u64() as u32);
        let mut this = Self {
            link: Link {
                account,
                role: handshake.role(),
                channel: None,
                group,
                nonce: entry.nonce,
            },
            handshake,
            entry: KBox::new(*entry, GFP_KERNEL)?,
            addresses: before,
            own: Arc::new(Own::new(entry.own, |_| false), GFP_KERNEL)?,
            withdrawn: false,
            counted: 0,
        };
        this.addresses = this.addresses_of(entry)?;
        Ok(this)
    }

    pub(crate) fn domid(&self) -> DomId {
        self.link.domid()
    }

    /// The MAC of its NIC.
    pub(crate) fn mac(&self) -> Mac {
        self.entry.mac
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.link.account
    }

    /// Our addresses towards it.
    pub(crate) fn own(&self) -> &Arc<Own> {
        &self.own
    }

    /// Its addresses.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn addresses(&self) -> Result<KVec<Known>> {
        let mut addresses = KVec::with_capacity(self.addresses.len(), GFP_KERNEL)?;
        for known in &self.addresses {
            addresses.push(known.clone(), GFP_KERNEL)?;
        }
        Ok(addresses)
    }

    /// What was exchanged with it.
    pub(crate) fn traffic(&self) -> Traffic {
        self.link.group.traffic()
    }

    /// Packets sent to it since the last call.
    pub(crate) fn take_sent(&mut self) -> u64 {
        let sent = self.traffic().tx_packets;
        sent - core::mem::replace(&mut self.counted, sent)
    }

    /// Whether it broke the rules, so that there is no channel until one of the two restarts.
    pub(crate) fn is_broken(&self) -> bool {
        self.link.account.is_broken(self.entry.nonce)
    }

    /// Takes what dom0 says now. Returns whether the peer's addresses, or ours towards it, changed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; nothing is taken then.
    pub(crate) fn update(&mut self, entry: &PeerEntry) -> Result<bool> {
        let moved = self.entry.mac != entry.mac || self.entry.addrs != entry.addrs;
        let changed = moved || self.entry.own != entry.own;
        if self.entry.own != entry.own {
            // What the peer takes of those that were there before, it takes still.
            let before = &self.own;
            self.own = Arc::new(
                Own::new(entry.own, |address| before.accepts(address)),
                GFP_KERNEL,
            )?;
        }
        if moved {
            self.addresses = self.addresses_of(entry)?;
        }
        self.link.nonce = entry.nonce;
        *self.entry = *entry;
        Ok(changed)
    }

    /// The addresses that dom0 says. What the link said of those that were there before stays: to ask again,
    /// their routes would have to go until the answer.
    fn addresses_of(&self, entry: &PeerEntry) -> Result<KVec<Known>> {
        let mac = entry.mac.octets();
        let mut addresses = KVec::new();
        for address in entry.addrs.iter() {
            let before = self.addresses.iter().find(|known| known.is(address, mac));
            let known = match before {
                Some(known) => known.clone(),
                None => Known::new(address, mac)?,
            };
            addresses.push(known, GFP_KERNEL)?;
        }
        Ok(addresses)
    }

    /// Adds the peer's addresses to a table, and to what the router is to look at.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn list(&self, table: &mut Table, candidates: &mut KVVec<Candidate>) -> Result {
        self.addresses.iter().try_for_each(|known| {
            let candidate = Candidate {
                address: known.address,
                way: Way::Channel(self.link.group.clone()),
                account: self.link.account.clone(),
                own: self.own.clone(),
                sighting: known.sighting.clone(),
            };
            table.add(candidate.entry())?;
            Ok(candidates.push(candidate, GFP_KERNEL)?)
        })
    }

    /// Takes dom0's introduction. The handshake may be another one than that in which it broke the rules.
    pub(crate) fn introduced(&mut self, guest: &mut Guest<'_>) {
        self.withdrawn = false;
        let nonce = self.entry.nonce;
        if !self.is_broken() {
            self.handle(Event::Introduced { nonce }, guest);
        }
    }

    /// Whether dom0 tells of the peer no longer, and its channel is closed.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.withdrawn && self.is_idle()
    }

    /// Whether there is no channel.
    pub(crate) fn is_idle(&self) -> bool {
        self.handshake.state() == Progress::Idle
    }

    fn is_connected(&self) -> bool {
        matches!(self.handshake.state(), Progress::Connected { .. })
    }

    /// Takes an event and does what follows from it. Each peer looks at the clock by itself: what was done for
    /// the one before it may have waited for XenStore.
    pub(crate) fn handle(&mut self, event: Event, guest: &mut Guest<'_>) {
        self.withdrawn |= event == Event::Withdrawn;
        let (peer, before) = (self.domid().raw(), self.handshake.state());
        let link = &mut self.link;
        self.handshake.drive(event, now_ms(), |action| {
            let result = link.perform(action, guest);
            trace::action(peer, fmt!("{action:?}"), result.is_ok());
            result
        });
        let after = self.handshake.state();
        // Connected peers are looked at all the time.
        if before != after || !matches!(event, Event::Peer(_)) {
            trace::handshake(
                peer,
                fmt!("{event:?}"),
                fmt!("{before:?}"),
                fmt!("{after:?}"),
            );
        }
    }

    /// Looks at the clock, the shared memory and what the data path found.
    pub(crate) fn look(&mut self, guest: &mut Guest<'_>) {
        match self.link.group.take_fault() {
            Some(Fault::Broken(reason)) => self.broke(fmt!("{}", reason.as_str()), guest),
            Some(Fault::Malformed(error)) => self.broke(fmt!("{}", Show(error)), guest),
            Some(Fault::Stalled) => self.stalled(guest),
            None => {}
        }
        match self.link.channel.as_ref().and_then(Channel::view) {
            Some(Ok(view)) if self.is_connected() && view.state == PeerState::Init => {
                self.broke(fmt!("{}", Broken::State.as_str()), guest);
            }
            Some(Ok(view)) => self.handle(Event::Peer(view), guest),
            Some(Err(reason)) => self.broke(fmt!("{}", reason.as_str()), guest),
            None => {}
        }
        if self.handshake.deadline().is_some_and(|at| at <= now_ms()) {
            self.handle(Event::Tick, guest);
        }
    }

    fn broke(&mut self, reason: fmt::Arguments<'_>, guest: &mut Guest<'_>) {
        if self.is_idle() {
            return;
        }
        self.link
            .account
            .warn(format_args!("channel broken: {reason}"));
        self.link.account.note_broken(self.entry.nonce);
        self.link.group.broken.add(1);
        self.handle(Event::Broken, guest);
    }

    fn stalled(&mut self, guest: &mut Guest<'_>) {
        if !self.is_connected() {
            return;
        }
        self.link
            .account
            .info(format_args!("does not receive, back to the NIC"));
        self.link.group.stalled.add(1);
        self.handle(Event::Stalled, guest);
    }

    /// When to look again.
    pub(crate) fn next(&self, now: u64) -> Option<u64> {
        let pace = match self.handshake.state() {
            Progress::Closing { .. } => Some(now + DRAIN_MS),
            Progress::Connected { .. } => Some(now + LOOK_MS),
            _ => None,
        };
        [pace, self.handshake.deadline()]
            .into_iter()
            .flatten()
            .min()
    }
}
