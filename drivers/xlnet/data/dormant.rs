// SPDX-License-Identifier: GPL-2.0

//! What is sent to a peer that has no channel, as nobody talked to it: its addresses are routed through xl0, so
//! that the first packet tells that somebody does again. The packets take the way out.
//!
//! While it waits for a channel, its addresses are not, unless there is room for too few: then it has to be known
//! who is busy.

use kernel::sync::atomic::{Atomic, Full, Relaxed};

pub(crate) struct Dormant {
    /// Packets sent since they were counted last.
    packets: Atomic<u64>,
    /// Whether the next packet is to be told of.
    armed: Atomic<bool>,
    /// Whether its addresses are to be routed through xl0.
    routed: Atomic<bool>,
}

impl Dormant {
    pub(crate) fn new() -> Self {
        Self {
            packets: Atomic::new(0),
            armed: Atomic::new(false),
            routed: Atomic::new(false),
        }
    }

    /// A packet is sent. Returns whether that is to be told. Any context.
    #[inline]
    pub(crate) fn sent(&self) -> bool {
        self.packets.add(1u64, Relaxed);
        self.armed.load(Relaxed) && self.armed.xchg(false, Full)
    }

    /// Has it routed through xl0, or not, and the next packet told of. Returns whether that is another thing than
    /// before.
    pub(crate) fn set(&self, routed: bool, armed: bool) -> bool {
        self.armed.store(armed, Relaxed);
        self.routed.xchg(routed, Full) != routed
    }

    /// Whether it is routed through xl0.
    pub(crate) fn is_routed(&self) -> bool {
        self.routed.load(Relaxed)
    }

    /// Packets sent since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.packets.xchg(0, Full)
    }
}
