// SPDX-License-Identifier: GPL-2.0

//! What ARP says of a peer's address.

use kernel::sync::atomic::{Atomic, Relaxed};

/// A route through xl0 needs ARP on the NIC to have shown the address at the peer's MAC. dom0
/// vouches for who owns an address, but only the wire knows who uses it: after a failover it may
/// be somebody else (RFC 5227, RFC 9568).
pub(crate) struct Sighting {
    /// The peer's MAC, as dom0 knows it.
    mac: [u8; 6],
    verdict: Atomic<u32>,
}

/// What was seen last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing yet.
    Unseen,
    /// The address is at the peer's MAC.
    Confirmed,
    /// The address is at another MAC.
    Contradicted,
}

impl Sighting {
    pub(crate) fn new(mac: [u8; 6]) -> Self {
        Self {
            mac,
            verdict: Atomic::new(Verdict::Unseen as u32),
        }
    }

    /// The peer's MAC.
    pub(crate) fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// The address was seen at `mac`. Returns whether that is news.
    pub(crate) fn see(&self, mac: [u8; 6]) -> bool {
        let new = if mac == self.mac {
            Verdict::Confirmed
        } else {
            Verdict::Contradicted
        };
        let changed = self.verdict() != new;
        self.verdict.store(new as u32, Relaxed);
        changed
    }

    /// Forgets what was seen.
    pub(crate) fn forget(&self) {
        self.verdict.store(Verdict::Unseen as u32, Relaxed);
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self.verdict.load(Relaxed) {
            v if v == Verdict::Confirmed as u32 => Verdict::Confirmed,
            v if v == Verdict::Contradicted as u32 => Verdict::Contradicted,
            _ => Verdict::Unseen,
        }
    }
}
