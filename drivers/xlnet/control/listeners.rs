// SPDX-License-Identifier: GPL-2.0

//! Who tells the manager that something happened: the data path, XenStore, suspending.

use crate::control::{manager::Kick, router::RouterKick};
use crate::data::bell::Listener;
use kapi::{pm, xen::xenbus};
use xlnet_protocol::{Node, Path};

/// Hears the data path's bell.
pub(crate) struct Ears {
    pub(crate) manager: Kick,
    pub(crate) router: RouterKick,
}

impl Listener for Ears {
    fn heard(&self) {
        self.manager.kick();
        self.router.kick();
    }

    fn acceptance_changed(&self) {
        self.router.kick();
    }
}

/// Has the manager close everything while the guest is suspended.
pub(crate) struct Suspend {
    manager: Kick,
}

impl Suspend {
    pub(crate) fn new(manager: Kick) -> Self {
        Self { manager }
    }
}

impl pm::Handler for Suspend {
    fn freeze(&self) {
        self.manager.get().close();
    }

    fn resume(&self) {
        self.manager.get().reopen();
        self.manager.kick();
    }
}

/// Tells the manager what dom0 told.
pub(crate) struct RosterWatch {
    manager: Kick,
}

impl RosterWatch {
    pub(crate) fn new(manager: Kick) -> Self {
        Self { manager }
    }
}

impl xenbus::WatchHandler for RosterWatch {
    fn changed(&self, path: &str) {
        let node = Path::parse(path).map_or(Node::Peers, |path| path.node);
        self.manager.get().told(node);
        self.manager.kick();
    }
}
