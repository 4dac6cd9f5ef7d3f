// SPDX-License-Identifier: GPL-2.0

//! The NIC, as far as the data path has to know it.

use kernel::sync::atomic::{Atomic, Relaxed};

pub(crate) struct Uplink {
    ifindex: Atomic<i32>,
}

impl Uplink {
    pub(crate) fn new(ifindex: i32) -> Self {
        Self {
            ifindex: Atomic::new(ifindex),
        }
    }

    /// The index of the device that was there last.
    pub(crate) fn ifindex(&self) -> i32 {
        self.ifindex.load(Relaxed)
    }

    /// Another device is the NIC.
    pub(crate) fn set(&self, ifindex: i32) {
        self.ifindex.store(ifindex, Relaxed);
    }
}
