// SPDX-License-Identifier: GPL-2.0

//! What a driver of a device of ours does, and where its device has it.

use crate::{
    bindings,
    net::{
        ethtool::{Readers, Report},
        netdevice::base::Device,
        netdevice::own::OwnDevice,
        skbuff::SkBuff, //
    },
};
use core::cell::UnsafeCell;
use kernel::{
    prelude::*,
    sync::{rcu, Arc},
};

/// What a driver of such a device does.
///
/// A device has a fixed number of transmit queues; the core serialises [`Driver::start_xmit`] for
/// each of them.
pub trait Driver: Send + Sync + Sized + 'static {
    /// The driver's name as ethtool shows it.
    const NAME: &'static CStr;

    /// What the names of the device's own statistics depend on.
    type Layout: Copy + Send + 'static;

    /// The largest transmit ring, in the driver's unit.
    const MAX_RING: u32;

    /// The device went up. Process context, RTNL held: must not wait for anything that needs it.
    fn open(&self, dev: &OwnDevice);

    /// The device is going down. No packet is being received that was found while
    /// [`Device::is_running`] was true. One may still be sent by a packet socket that goes round
    /// queueing disciplines. Process context, RTNL held.
    fn stop(&self, dev: &OwnDevice);

    /// Selects the transmit queue for a packet. A number that the device does not have is taken as
    /// 0. Process or softirq context, without sleeping: a packet socket that goes round queueing
    /// disciplines (`PACKET_QDISC_BYPASS`) asks by itself, with nothing turned off.
    fn select_queue(&self, dev: &OwnDevice, skb: &SkBuff<'_>) -> u16;

    /// Sends a packet that was queued on `queue`; `more` tells that another one follows at once.
    /// Softirq context, one caller at a time for each queue.
    fn start_xmit(&self, dev: &OwnDevice, queue: u16, skb: SkBuff<'_>, more: bool);

    /// The device by which a received packet counts as received, after the taps of this one;
    /// without one it is lost. Softirq context.
    fn receive_as<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Device>;

    /// What the names of the statistics are to depend on for somebody who begins to ask for them.
    /// RTNL held.
    fn layout(&self) -> Self::Layout;

    /// Reports the device's own statistics, each with its name. Of the same layout there are the
    /// same names, in the same order, whatever has changed since it was made. RTNL held.
    fn statistics(&self, layout: &Self::Layout, report: &mut Report<'_>);

    /// What the queues of the number `queue` carried, `None` if they serve nothing now. RTNL held.
    fn queue(&self, queue: u16) -> Option<QueueStatistics>;

    /// The size of a transmit ring. RTNL held.
    fn ring(&self) -> u32;

    /// Asks for another size of the transmit rings, at most [`Self::MAX_RING`]. RTNL held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is too small.
    fn set_ring(&self, size: u32) -> Result;

    /// How many queue pairs, each a queue for sending and one for receiving, serve one purpose at
    /// most.
    fn max_queue_pairs(&self) -> u32;

    /// How many are asked for. RTNL held.
    fn queue_pairs(&self) -> u32;

    /// Asks for another number, from 1 to [`Self::max_queue_pairs`]. RTNL held.
    fn set_queue_pairs(&self, count: u32);
}

/// What a queue for receiving and the one for sending of the same number carried.
#[derive(Clone, Copy, Default)]
pub struct QueueStatistics {
    /// Packets received.
    pub rx_packets: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Packets that came and were not received, those without memory among them.
    pub rx_drops: u64,
    /// Packets for which there was no memory.
    pub rx_no_memory: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Their bytes.
    pub tx_bytes: u64,
    /// Times the queue for sending was stopped.
    pub tx_stops: u64,
}

/// Returns the driver of a device.
///
/// # Safety
///
/// `dev` must be a device made by a `Registration<T>` that is not freed during `'a`: it is
/// registered, or its unregistration waits for somebody.
pub(super) unsafe fn driver<'a, T: Driver>(dev: *mut bindings::net_device) -> &'a T {
    // SAFETY: By `Registration`'s invariant the private area holds a pointer to the driver, which
    // outlives the device.
    unsafe { &*(*private::<T>(dev)).driver }
}

/// A device's private area.
pub(super) struct Private<T: Driver> {
    driver: *const T,
    /// Who is asking for statistics. Belongs to whoever holds RTNL.
    readers: UnsafeCell<Readers<T::Layout>>,
}

impl<T: Driver> Private<T> {
    /// What goes into the private area of a device before it is registered.
    pub(super) fn new(driver: &Arc<T>) -> Self {
        Self {
            driver: &**driver,
            readers: UnsafeCell::new(Readers::new()),
        }
    }
}

/// Returns the private area of a device, of which only the driver may be looked at without RTNL.
///
/// # Safety
///
/// `dev` must be a device made by a `Registration<T>` that is not freed as long as the result is
/// used.
unsafe fn private<T: Driver>(dev: *mut bindings::net_device) -> *const Private<T> {
    // SAFETY: By the function's contract the device is there, and its private area lies behind it.
    unsafe { bindings::xl_netdev_priv(dev).cast() }
}

/// Returns who is asking for a device's statistics.
///
/// # Safety
///
/// `dev` must be a device made by a `Registration<T>` that is not freed during `'a`. RTNL must be
/// held all that time, and the function not be called again.
pub(super) unsafe fn readers<'a, T: Driver>(
    dev: *mut bindings::net_device,
) -> &'a mut Readers<T::Layout> {
    // SAFETY: By the function's contract the value is there, and nobody else has it.
    unsafe { &mut *(*private::<T>(dev)).readers.get() }
}
