// SPDX-License-Identifier: GPL-2.0

//! That a channel is open: the data path takes packets for it, and the router leads them there and knows which of
//! them the peer takes.

use crate::control::{router::RouterKick, session::Session};
use crate::data::group::Group;
use kapi::net::netdevice::{OwnDevice, OwnDeviceRef};
use kernel::{prelude::*, sync::Arc};

/// A channel is open; dropping this closes it to packets. All in process context, RTNL not held.
pub(crate) struct Opened {
    group: Arc<Group>,
    dev: OwnDeviceRef,
    router: RouterKick,
}

impl Opened {
    /// Takes packets in so many queue pairs from now on, each flow in one that both ends find by the
    /// key.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn begin(
        session: Session,
        queue_pairs: usize,
        flow_key: [u64; 2],
        dev: &OwnDevice,
        router: &RouterKick,
    ) -> Result<Self> {
        let this = Self {
            group: session.group.clone(),
            dev: dev.into(),
            router: router.clone(),
        };
        router.get().open(session)?;
        this.group.open(queue_pairs, flow_key);
        router.kick();
        Ok(this)
    }

    /// Sends no more; receives what is still under way.
    pub(crate) fn withdraw(&self) {
        self.group.close(&self.dev);
        self.router.get().withdraw(&self.group);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.group.close(&self.dev);
        self.router.get().close(&self.group);
    }
}
