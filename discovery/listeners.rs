// SPDX-License-Identifier: GPL-2.0

//! Who tells the introducer that something changed: XenStore, and devices of dom0's kernel.

use crate::{
    introducer::{Introducer, Kick},
    vifs,
};
use kapi::{net::nic, xen::xenbus::WatchHandler};
use kernel::sync::atomic::{Atomic, Release};

/// One of the introducer's flags, which say what is to be read again.
pub(crate) type Flag = fn(&Introducer) -> &Atomic<bool>;

/// Sets a flag whenever what is watched changes, whatever of it.
pub(crate) struct FlagWatch {
    introducer: Kick,
    flag: Flag,
}

impl FlagWatch {
    pub(crate) fn new(introducer: &Kick, flag: Flag) -> Self {
        Self {
            introducer: introducer.clone(),
            flag,
        }
    }
}

impl WatchHandler for FlagWatch {
    fn changed(&self, _path: &str) {
        self.overrun();
    }

    fn overrun(&self) -> bool {
        (self.flag)(self.introducer.get()).store(true, Release);
        self.introducer.kick();
        true
    }
}

/// Tells the introducer that the toolstack changed a vif, or that a device changed, which may be a
/// vif that was moved to another bridge.
pub(crate) struct VifObserver {
    introducer: Kick,
}

impl VifObserver {
    pub(crate) fn new(introducer: &Kick) -> Self {
        Self {
            introducer: introducer.clone(),
        }
    }

    fn all_changed(&self) {
        self.introducer.get().all_vifs_changed.store(true, Release);
        self.introducer.kick();
    }
}

impl WatchHandler for VifObserver {
    fn changed(&self, path: &str) {
        let Some(guest) = vifs::owner(path) else {
            return self.all_changed();
        };
        self.introducer.get().vifs_changed.lock().add(guest);
        self.introducer.kick();
    }

    fn overrun(&self) -> bool {
        self.all_changed();
        true
    }
}

impl nic::Observer for VifObserver {
    fn changed(&self, _change: &nic::Change<'_>) {
        // Each pass looks at what the kernel has.
        self.introducer.kick();
    }
}
