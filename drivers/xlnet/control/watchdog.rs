// SPDX-License-Identifier: GPL-2.0

//! The watchdog: looks whether peers receive what is sent to them.
//!
//! It has a worker of its own, because the manager may be waiting for XenStore when a peer stalls.

use crate::data::device::XlDriver;
use kapi::{
    net::netdevice::OwnDeviceRef,
    time::now_ms,
    work::{Work, Worker},
};
use kernel::sync::{
    atomic::{Atomic, Relaxed},
    Arc,
};

/// How often connected peers are looked at, in milliseconds, and how often while there is something that
/// one has not received. With [`STALL_MS`](crate::data::backlog::STALL_MS): what it leaves takes the NIC within a
/// second.
const PACE_MS: u64 = 250;
const PACE_BACKLOG_MS: u64 = 50;

pub(crate) struct Watchdog {
    dev: OwnDeviceRef,
    driver: Arc<XlDriver>,
    /// When the peers were looked at last.
    looked: Atomic<u64>,
}

impl Watchdog {
    /// A watchdog that waits for the first connected peer: kick it then.
    pub(crate) fn new(dev: OwnDeviceRef, driver: Arc<XlDriver>) -> Self {
        Self {
            dev,
            driver,
            looked: Atomic::new(0),
        }
    }
}

impl Work for Watchdog {
    fn run(&self, worker: &Worker<Self>) {
        let now = now_ms();
        // A guest that stood still itself does not blame its peers for it.
        let elapsed = now
            .saturating_sub(self.looked.load(Relaxed))
            .min(2 * PACE_BACKLOG_MS);
        self.looked.store(now, Relaxed);
        let groups = self.driver.groups().iter();
        let connected = groups.filter(|group| group.is_connected());
        let pace = connected
            .flat_map(|group| group.slots())
            .map(|slot| {
                if slot.sender.look_at_backlog(&slot.queue, &self.dev, elapsed) {
                    PACE_BACKLOG_MS
                } else {
                    PACE_MS
                }
            })
            .min();
        if let Some(pace) = pace {
            worker.again_in(pace);
        }
    }
}
