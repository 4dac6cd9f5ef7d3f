// SPDX-License-Identifier: GPL-2.0

//! Statistics of each queue, as netdev-genl has them (`qstats-get` in
//! Documentation/netlink/specs/netdev.yaml).
//!
//! There are none of the whole device: a queue begins again when it serves something else, so their
//! sum is none.
//!
//! C header: [`include/net/netdev_queues.h`](srctree/include/net/netdev_queues.h)

use crate::{
    bindings,
    net::netdevice::driver::{driver, Driver, QueueStatistics},
};
use core::marker::PhantomData;
use kernel::prelude::*;

pub(super) struct Ops<T: Driver>(PhantomData<T>);

impl<T: Driver> Ops<T> {
    /// The core calls these with RTNL held, as the device asks for no lock of its own
    /// (`netdev_need_ops_lock()`).
    pub(super) const STAT: bindings::netdev_stat_ops = bindings::netdev_stat_ops {
        get_queue_stats_rx: Some(Self::get_queue_stats_rx),
        get_queue_stats_tx: Some(Self::get_queue_stats_tx),
        get_base_stats: None,
    };

    /// # Safety
    ///
    /// `dev` must be a device of ours, and RTNL be held.
    unsafe fn queue(dev: *mut bindings::net_device, queue: c_int) -> Option<QueueStatistics> {
        // SAFETY: By the function's contract.
        let driver = unsafe { driver::<T>(dev) };
        driver.queue(u16::try_from(queue).ok()?)
    }

    /// What is not set is not reported.
    ///
    /// # Safety
    ///
    /// `dev` must be a device of ours, and RTNL be held; `stats` must be valid for writes.
    unsafe extern "C" fn get_queue_stats_rx(
        dev: *mut bindings::net_device,
        queue: c_int,
        stats: *mut bindings::netdev_queue_stats_rx,
    ) {
        // SAFETY: By the function's contract.
        if let (Some(queue), stats) = unsafe { (Self::queue(dev, queue), &mut *stats) } {
            stats.packets = queue.rx_packets;
            stats.bytes = queue.rx_bytes;
            stats.alloc_fail = queue.rx_no_memory;
            stats.hw_drops = queue.rx_drops;
        }
    }

    /// What is not set is not reported.
    ///
    /// # Safety
    ///
    /// `dev` must be a device of ours, and RTNL be held; `stats` must be valid for writes.
    unsafe extern "C" fn get_queue_stats_tx(
        dev: *mut bindings::net_device,
        queue: c_int,
        stats: *mut bindings::netdev_queue_stats_tx,
    ) {
        // SAFETY: By the function's contract.
        if let (Some(queue), stats) = unsafe { (Self::queue(dev, queue), &mut *stats) } {
            stats.packets = queue.tx_packets;
            stats.bytes = queue.tx_bytes;
            stats.stop = queue.tx_stops;
        }
    }
}
