// SPDX-License-Identifier: GPL-2.0

//! What a peer has not received yet of what was sent to it, and for how long it has left that.

use kapi::xen::grant_table::{OwnControlPage, PeerControlPage};
use xenfifo::{PeerControl, Word};

/// How long a peer may leave what was sent to it before it counts as stalled, in milliseconds.
pub(crate) const STALL_MS: u64 = 600;

/// The backlog of one ring.
pub(crate) struct Backlog {
    own: OwnControlPage,
    peer: PeerControlPage,
    /// How far the peer had received when there was more, and for how long it has not received more.
    waiting: Option<(u32, u64)>,
}

impl Backlog {
    /// The backlog of the ring whose producer index is in `own`, and its consumer's in `peer`.
    pub(crate) fn new(own: OwnControlPage, peer: PeerControlPage) -> Self {
        Self {
            own,
            peer,
            waiting: None,
        }
    }

    /// Looks again, `elapsed` milliseconds after the last look. Returns for how long the peer has left what
    /// was sent to it, `None` if there is nothing.
    pub(crate) fn look(&mut self, elapsed: u64) -> Option<u64> {
        let at = received(&self.own, &self.peer);
        self.waiting = at.map(|at| match self.waiting {
            Some((before, waited)) if before == at => (at, waited + elapsed),
            _ => (at, 0),
        });
        self.waiting.map(|(_, waited)| waited)
    }
}

/// How far the peer has received, if there is something that it has not.
pub(crate) fn received(own: &OwnControlPage, peer: &PeerControlPage) -> Option<u32> {
    let consumed = peer.load_relaxed(Word::Consumer);
    (consumed != own.load(Word::Producer)).then_some(consumed)
}
