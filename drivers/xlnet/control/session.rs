// SPDX-License-Identifier: GPL-2.0

//! What two connected guests tell each other of the packets that they take, in their control pages.

use crate::control::account::Account;
use crate::data::{group::Group, slot::Port};
use core::net::IpAddr;
use kapi::xen::grant_table::{OwnControlPage, PeerControlPage};
use kernel::{prelude::*, sync::Arc};
use xlnet_protocol::{Acceptance, Accepted, SchemaError};

/// For how long nothing is routed to a peer that refused what was sent to it, in milliseconds: an address that
/// moves makes it refuse what was under way, once. If it goes on, ever longer.
const PAUSE_MS: u64 = 1000;
const PAUSE_MAX_MS: u64 = 30_000;

/// Where a channel's two sides read and write it.
pub(crate) struct Ends {
    pub(crate) own: OwnControlPage,
    pub(crate) peer: PeerControlPage,
    /// Whose events tell that there is something to read.
    pub(crate) port: Arc<Port>,
}

pub(crate) struct Session {
    pub(crate) group: Arc<Group>,
    account: Arc<Account>,
    ends: Ends,
    /// What this guest says, and the revision of that in its page.
    said: Acceptance,
    revision: u32,
    /// What the peer says, and the revision of that.
    heard: Acceptance,
    heard_revision: Option<u32>,
    /// Packets of the peer's that were refused before this session.
    refused_before: u64,
    paused_until: u64,
    /// How long the last pause was to be.
    pause: u64,
}

impl Session {
    pub(crate) fn new(group: Arc<Group>, account: Arc<Account>, ends: Ends) -> Self {
        Self {
            refused_before: group.refused(),
            group,
            account,
            ends,
            said: Acceptance::default(),
            revision: 0,
            heard: Acceptance::default(),
            heard_revision: None,
            paused_until: 0,
            pause: 0,
        }
    }

    /// Reads what the peer says, if that is something new.
    ///
    /// # Errors
    ///
    /// What no honest peer would say.
    // Inlined, its lists would lie on the stack with those of what is called after it; so for `say`.
    #[inline(never)]
    pub(crate) fn hear(&mut self, now: u64) -> Result<(), SchemaError> {
        let peer = &self.ends.peer;
        if self.heard_revision == Some(peer.user_word(Acceptance::REVISION)) {
            return Ok(());
        }
        let mut words = [0; Acceptance::WORDS];
        // Of what is being written another event will tell; the page has room for all of it.
        let Ok(Some(revision)) = peer.read_published(Acceptance::OFFSET, &mut words) else {
            return Ok(());
        };
        let heard = Acceptance::parse(&words)?;
        if self.heard_revision.is_some() && heard.refused != self.heard.refused {
            if !self.is_paused(now) {
                self.account.info(format_args!(
                    "refuses packets that were sent to it, back to the NIC for a while"
                ));
                let soon = now < self.paused_until + PAUSE_MAX_MS;
                let longer = if soon { 2 * self.pause } else { 0 };
                self.pause = longer.clamp(PAUSE_MS, PAUSE_MAX_MS);
            }
            self.paused_until = now + self.pause;
        }
        self.heard = heard;
        self.heard_revision = Some(revision);
        Ok(())
    }

    /// Whether the peer takes packets from `source`, one of our addresses.
    pub(crate) fn accepts(&self, source: IpAddr, now: u64) -> bool {
        !self.is_paused(now)
            && self
                .heard
                .addresses
                .iter()
                .any(|address| *address == source)
    }

    /// Whether nothing is to be sent to the peer for now.
    pub(crate) fn is_paused(&self, now: u64) -> bool {
        now < self.paused_until
    }

    /// The number that the list of `addresses` has, or will have when it is said.
    pub(crate) fn list_of(&self, addresses: &Accepted) -> u32 {
        let changed = self.said.addresses != *addresses;
        self.said.list.wrapping_add(changed.into())
    }

    /// Whether the peer has acted on our list of that number, or a later one.
    pub(crate) fn is_seen(&self, list: u32) -> bool {
        self.heard.seen.wrapping_sub(list) as i32 >= 0
    }

    /// Says from which of the peer's addresses packets are taken, and that what the peer said last is acted
    /// on.
    #[inline(never)]
    pub(crate) fn say(&mut self, addresses: &Accepted) {
        let list = self.list_of(addresses);
        let seen = self.heard.list;
        let refused = (self.group.refused() - self.refused_before) as u32;
        let said = &mut self.said;
        if (list, seen, refused) == (said.list, said.seen, said.refused) {
            return;
        }
        if list != said.list {
            said.addresses = *addresses;
        }
        (said.list, said.seen, said.refused) = (list, seen, refused);
        let words = said.to_words();
        let own = &self.ends.own;
        // The page has room for all of it.
        if let Ok(revision) = own.publish_user(Acceptance::OFFSET, words, self.revision) {
            self.revision = revision;
        }
        self.ends.port.notify();
    }
}
