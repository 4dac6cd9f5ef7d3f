// SPDX-License-Identifier: GPL-2.0

//! What may be done with a device of our own only: its queues, its statistics.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use crate::{
    bindings,
    net::{
        netdevice::base::{Device, DeviceRef},
        skbuff::SkBuff,
        Rtnl,
    },
};
use core::ops::{Deref, Range};
use kernel::{error::to_result, prelude::*};

/// A net device made by a [`Registration`](crate::net::netdevice::Registration).
///
/// # Invariants
///
/// It is one. Whoever has a reference to it knows that the device is not freed meanwhile.
#[repr(transparent)]
pub struct OwnDevice(Device);

impl OwnDevice {
    /// # Safety
    ///
    /// `dev` must be a device made by a `Registration` that is not freed during `'a`.
    pub(crate) unsafe fn from_raw<'a>(dev: *mut bindings::net_device) -> &'a Self {
        // SAFETY: By the function's contract; the type is transparent.
        unsafe { &*dev.cast::<Self>() }
    }

    /// Stops a transmit queue: [`Driver::start_xmit`](crate::net::netdevice::Driver::start_xmit) is
    /// not called for it until it is woken. Any context. A queue that the device does not have is
    /// ignored, here and below.
    #[inline]
    pub fn stop_queue(&self, queue: u16) {
        if self.has_queue(queue) {
            // SAFETY: By the type invariant the device is there and its driver is ours, which may
            // stop its queues, whoever else does: that is one atomic bit. It has this one.
            unsafe { bindings::xl_netif_tx_stop_queue(self.as_raw(), queue.into()) };
        }
    }

    /// Wakes a stopped transmit queue. Any context.
    #[inline]
    pub fn wake_queue(&self, queue: u16) {
        if self.has_queue(queue) {
            // SAFETY: As for stopping it; the callee schedules the queue's discipline, under RCU,
            // which of a device that is not registered any more is one that does nothing.
            unsafe { bindings::xl_netif_tx_wake_queue(self.as_raw(), queue.into()) };
        }
    }

    /// Whether a transmit queue is stopped. Any context.
    #[inline]
    pub fn is_queue_stopped(&self, queue: u16) -> bool {
        self.has_queue(queue)
            // SAFETY: By the type invariant the device is there, and it has the queue; one bit is
            // read.
            && unsafe { bindings::xl_netif_tx_queue_stopped(self.as_raw(), queue.into()) }
    }

    /// Whether the device has this transmit queue. Any context.
    #[inline]
    pub(crate) fn has_queue(&self, queue: u16) -> bool {
        // SAFETY: By the type invariant the device is there; how many queues it has is constant.
        u32::from(queue) < unsafe { bindings::xl_netdev_tx_queues(self.as_raw()) }
    }

    /// Whether a transmit queue is in use. Any context.
    #[inline]
    pub(crate) fn uses_queue(&self, queue: u16) -> bool {
        // SAFETY: By the type invariant the device is there; the number, which changes, is read
        // whole.
        u32::from(queue) < unsafe { bindings::xl_netdev_real_tx_queues(self.as_raw()) }
    }

    /// The transmit queue that the administrator has mapped the packet's CPU, or the receive queue of
    /// its socket, to (XPS), among `queues`; of several the one that `hash` says. `None` if there is
    /// none. As the core has it, a socket's packets stay on the queue that was found for the last one
    /// until none is under way. Process or softirq context, for a packet of which a queue is to be
    /// selected.
    #[inline]
    pub fn mapped_queue(&self, skb: &SkBuff<'_>, queues: Range<u16>, hash: u32) -> Option<u16> {
        let (first, count) = (queues.start, queues.len() as u16);
        // SAFETY: The device and the packet are valid. The callee looks at maps under RCU, finds none
        // but these queues, and leaves one word with the packet's socket, whoever else does so.
        let queue = unsafe {
            bindings::xl_netdev_pick_xps(self.as_raw(), skb.as_raw(), first, count, hash)
        };
        u16::try_from(queue).ok()
    }

    /// Has at least the first `count` transmit queues in use, and as many receive queues: those that
    /// are not show nowhere and cost little. They stay in use. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` if the device cannot have so many; `ENODEV` if it is not registered any more.
    pub fn use_queues(&self, count: u16, rtnl: &Rtnl) -> Result {
        if count == 0 || self.uses_queue(count - 1) {
            return Ok(());
        }
        if !self.is_registered(rtnl) {
            return Err(ENODEV);
        }
        let (dev, count) = (self.as_raw(), count.into());
        // SAFETY: The device is valid, and registered as long as RTNL is held.
        to_result(unsafe { bindings::netif_set_real_num_queues(dev, count, count) })
    }

    /// Counts a sent packet of `len` bytes in the device's statistics. Softirq context.
    #[inline]
    pub fn count_tx(&self, len: u32) {
        // SAFETY: By the type invariant the device has these counters (`NETDEV_PCPU_STAT_TSTATS`),
        // which the core frees when nobody has a count on it any more.
        unsafe { bindings::xl_tstats_tx(self.as_raw(), len) };
    }

    /// Counts a received packet of `len` bytes in the device's statistics. Softirq context.
    #[inline]
    pub fn count_rx(&self, len: u32) {
        // SAFETY: The device has these counters as long as counts on it, as for those of sent
        // packets.
        unsafe { bindings::xl_tstats_rx(self.as_raw(), len) };
    }

    /// Counts a packet that came and was not received in the device's statistics. Any context.
    #[inline]
    pub fn count_rx_dropped(&self) {
        // SAFETY: By the type invariant the device is there. The callee makes this counter when it
        // is first used, whoever does so at the same time; it goes with the device.
        unsafe { bindings::xl_rx_dropped(self.as_raw()) };
    }
}

impl Deref for OwnDevice {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.0
    }
}

/// A counted reference to a device of our own: unregistering it waits for these.
///
/// # Invariants
///
/// The device was made by a `Registration`.
pub struct OwnDeviceRef(DeviceRef);

impl From<&OwnDevice> for OwnDeviceRef {
    fn from(dev: &OwnDevice) -> Self {
        // INVARIANT: By the invariant of `dev`.
        Self(DeviceRef::from(&**dev))
    }
}

impl Deref for OwnDeviceRef {
    type Target = OwnDevice;

    fn deref(&self) -> &OwnDevice {
        // SAFETY: By the type invariant it is one of our own, and it cannot be freed while it is
        // counted.
        unsafe { OwnDevice::from_raw(self.0.as_raw()) }
    }
}
