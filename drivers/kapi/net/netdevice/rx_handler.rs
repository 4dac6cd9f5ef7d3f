// SPDX-License-Identifier: GPL-2.0

//! What a device of ours receives counts as received by another device, for everybody but the taps
//! of the first: the stack goes round once more with the other one (`RX_HANDLER_ANOTHER`).
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h) (`rx_handler_func_t`)

use crate::{
    bindings,
    net::{
        dropreason::DropReason,
        netdevice::{
            base::Device,
            driver::{driver, Driver},
            own::OwnDevice,
        },
        skbuff::SkBuff,
    },
};
use core::ptr::NonNull;
use kernel::sync::rcu;

/// The handler of a device with the driver `T`.
///
/// # Safety
///
/// `*pskb` must be a packet of which the caller owns a count, received by a device made by a
/// `Registration<T>` that stays registered until this returns, and the caller must be a reader of
/// RCU as long as it has to do with the packet. With [`bindings::RX_HANDLER_CONSUMED`] the count is
/// given up.
pub(super) unsafe extern "C" fn receive<T: Driver>(
    pskb: *mut *mut bindings::sk_buff,
) -> bindings::rx_handler_result_t {
    // SAFETY: By the function's contract; the callee takes over the count, and gives back one on a
    // packet that nobody else has, or null. Taps that keep a packet have that count in common with
    // us.
    let skb = unsafe { bindings::xl_skb_share_check(*pskb) };
    if skb.is_null() {
        return bindings::rx_handler_result_RX_HANDLER_CONSUMED;
    }
    // SAFETY: The packet is there.
    let device = unsafe { bindings::xl_skb_dev(skb) };
    // SAFETY: By the function's contract.
    let driver = unsafe { driver::<T>(device) };
    // The caller's guard goes on after this one.
    let guard = rcu::read_lock();
    // By one that has this handler, too, as the same one has, it could go round for ever.
    let handled = |dev: &Device| {
        // SAFETY: Both devices are there.
        unsafe { bindings::xl_netdev_same_rx_handler(dev.as_raw(), device) }
    };
    let other = driver.receive_as(&guard).filter(|dev| !handled(dev));
    match other {
        // SAFETY: The packet is ours alone, and the device valid until the caller's guard ends.
        Some(dev) => unsafe {
            bindings::xl_skb_receive_as(skb, dev.as_raw());
            *pskb = skb;
            bindings::rx_handler_result_RX_HANDLER_ANOTHER
        },
        // SAFETY: The count is given up; the device is our own, and there, until the caller's guard
        // ends.
        None => unsafe {
            OwnDevice::from_raw(device).count_rx_dropped();
            SkBuff::from_raw(NonNull::new_unchecked(skb)).lose(DropReason::DeviceNotReady);
            bindings::rx_handler_result_RX_HANDLER_CONSUMED
        },
    }
}
