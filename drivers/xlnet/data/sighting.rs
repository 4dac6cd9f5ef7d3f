// SPDX-License-Identifier: GPL-2.0

//! What the NIC's link says of a peer's address, by ARP or Neighbor Discovery.

use kapi::time::now_ms;
use kernel::sync::atomic::{Atomic, Full, Relaxed};

/// Packets take xl0, in either direction, only while the NIC's link shows the address at the peer's
/// MAC. dom0 vouches for who owns an address, but only the wire knows who uses it: after a failover
/// it may be somebody else (RFC 5227, RFC 9568).
pub(crate) struct Sighting {
    /// The peer's MAC, as dom0 knows it.
    mac: [u8; 6],
    /// The last [`Seen`], in one word.
    seen: Atomic<u64>,
    /// Whether packets from the address are taken.
    accepted: Atomic<bool>,
}

/// What was seen last, and when, in milliseconds since boot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) verdict: Verdict,
    pub(crate) at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing, or nothing any more.
    Unseen,
    /// The address is at the peer's MAC.
    Confirmed,
    /// The address is at another MAC.
    Contradicted,
}

impl Seen {
    fn to_word(self) -> u64 {
        self.at << 2 | self.verdict as u64
    }

    fn from_word(word: u64) -> Self {
        let verdict = match word & 3 {
            v if v == Verdict::Confirmed as u64 => Verdict::Confirmed,
            v if v == Verdict::Contradicted as u64 => Verdict::Contradicted,
            _ => Verdict::Unseen,
        };
        Self {
            verdict,
            at: word >> 2,
        }
    }
}

impl Sighting {
    pub(crate) fn new(mac: [u8; 6]) -> Self {
        let nothing = Seen {
            verdict: Verdict::Unseen,
            at: 0,
        };
        Self {
            mac,
            seen: Atomic::new(nothing.to_word()),
            accepted: Atomic::new(false),
        }
    }

    /// The peer's MAC.
    pub(crate) fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// The address was seen at `mac`; unless that `overrides` what was seen before, it can only confirm the
    /// peer. Returns whether that is another verdict. Any context.
    pub(crate) fn see(&self, mac: [u8; 6], overrides: bool) -> bool {
        if mac != self.mac && !overrides {
            return false;
        }
        let verdict = if mac == self.mac {
            Verdict::Confirmed
        } else {
            Verdict::Contradicted
        };
        let at = now_ms();
        let before = self.seen.xchg(Seen { verdict, at }.to_word(), Full);
        Seen::from_word(before).verdict != verdict
    }

    /// What was seen last.
    pub(crate) fn last(&self) -> Seen {
        Seen::from_word(self.seen.load(Relaxed))
    }

    /// Forgets what was seen, unless something else was seen since `last`.
    pub(crate) fn forget(&self, last: Seen) {
        let nothing = Seen {
            verdict: Verdict::Unseen,
            at: now_ms(),
        };
        // Something newer stays.
        let _ = self
            .seen
            .cmpxchg(last.to_word(), nothing.to_word(), Relaxed);
    }

    /// Takes packets from the address from now on, or no longer.
    pub(crate) fn accept(&self, accepted: bool) {
        self.accepted.store(accepted, Relaxed);
    }

    /// Whether packets from the address are taken. Any context.
    #[inline]
    pub(crate) fn is_accepted(&self) -> bool {
        self.accepted.load(Relaxed)
    }
}
