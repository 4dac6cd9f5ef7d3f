// SPDX-License-Identifier: GPL-2.0

//! The NIC, as far as the data path has to know it.

use crate::data::stats::Counter;
use kapi::net::{follow::Followed, netdevice::Device};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        rcu, Arc,
    },
};

pub(crate) struct Uplink {
    /// The NIC while there is one.
    pub(crate) device: Arc<Followed>,
    ifindex: Atomic<i32>,
    /// Packets that came while there was no NIC, or one that could not have received them.
    pub(crate) rx_drops: Counter,
}

impl Uplink {
    /// An uplink without a NIC yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            device: Arc::new(Followed::new(), GFP_KERNEL)?,
            ifindex: Atomic::new(0),
            rx_drops: Counter::new(),
        })
    }

    /// The NIC if it could have received a packet now, else the packet counts as dropped. Softirq context.
    #[inline]
    pub(crate) fn for_received<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Device> {
        let nic = self
            .device
            .get(guard)
            .filter(|nic| nic.is_running() && nic.has_carrier() && nic.is_in_initial_namespace());
        if nic.is_none() {
            self.rx_drops.add(1);
        }
        nic
    }

    /// The index of the device that is the NIC, or was it last; 0 if there was none yet.
    pub(crate) fn ifindex(&self) -> i32 {
        self.ifindex.load(Relaxed)
    }

    /// The NIC has this index.
    pub(crate) fn set_ifindex(&self, ifindex: i32) {
        self.ifindex.store(ifindex, Relaxed);
    }
}
