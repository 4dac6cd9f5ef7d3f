// SPDX-License-Identifier: GPL-2.0

//! Sending an IP packet out of another device than the one it was routed to.
//!
//! C header: [`include/net/route.h`](srctree/include/net/route.h)

use crate::{bindings, errno::EPROTONOSUPPORT, net::skb::SkBuff};
use core::ptr::NonNull;
use kernel::{error::from_err_ptr, prelude::*, types::Opaque};

/// Packets waiting for process context.
#[pin_data(PinnedDrop)]
pub struct Queue {
    #[pin]
    list: Opaque<bindings::sk_buff_head>,
}

// SAFETY: The list has its own lock.
unsafe impl Send for Queue {}
// SAFETY: As above.
unsafe impl Sync for Queue {}

impl Queue {
    /// Creates an empty queue.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes, and pinned.
                unsafe { bindings::xl_skb_queue_head_init(slot) }
            }),
        })
    }

    /// How many packets are waiting, roughly.
    #[allow(clippy::len_without_is_empty)] // It is only ever compared with a limit.
    pub fn len(&self) -> u32 {
        // SAFETY: The list is initialised; a torn value cannot be read from an aligned word.
        unsafe { (&raw const (*self.list.get()).qlen).read_volatile() }
    }

    /// Appends a packet. Any context.
    pub fn push(&self, skb: SkBuff) {
        // SAFETY: The list is initialised, and the packet is given away.
        unsafe { bindings::skb_queue_tail(self.list.get(), skb.into_raw().as_ptr()) };
    }

    /// Takes the first packet. Any context.
    pub fn pop(&self) -> Option<SkBuff> {
        // SAFETY: The list is initialised.
        let skb = unsafe { bindings::skb_dequeue(self.list.get()) };
        // SAFETY: The count passes from the list to us.
        NonNull::new(skb).map(|skb| unsafe { SkBuff::from_raw(skb) })
    }
}

#[pinned_drop]
impl PinnedDrop for Queue {
    fn drop(self: Pin<&mut Self>) {
        while self.pop().is_some() {}
    }
}

/// Sends an IPv4 packet through the device with index `ifindex`, along the route that the kernel
/// has through that device: its neighbours, its MTU, its queueing. A packet of this machine's own is
/// fragmented or segmented as that MTU needs, whatever it says itself: its sender went by the MTU of
/// the first device. Process context.
///
/// # Errors
///
/// `EPROTONOSUPPORT` for anything but IPv4, or the route lookup's error; the packet is lost then.
pub fn send_through(skb: SkBuff, ifindex: i32) -> Result {
    if skb.protocol() != bindings::ETH_P_IP as u16 {
        return Err(EPROTONOSUPPORT);
    }
    let mut addresses = [0; 8];
    // RFC 791: source at 12, destination at 16.
    skb.copy_bits(12, &mut addresses)?;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    let mut flow = bindings::flowi4::default();
    flow.__fl_common.flowic_oif = ifindex;
    flow.saddr = u32::from_ne_bytes([s0, s1, s2, s3]);
    flow.daddr = u32::from_ne_bytes([d0, d1, d2, d3]);
    // SAFETY: The namespace is the initial one, in which the device is; `flow` is valid for reads
    // and writes. The result is a counted route or an error.
    let route = from_err_ptr(unsafe {
        bindings::ip_route_output_flow(bindings::xl_init_net(), &mut flow, core::ptr::null())
    })?;
    // SAFETY: The packet is given away, and so is the count on the route.
    unsafe { bindings::xl_skb_reroute(skb.into_raw().as_ptr(), route) };
    Ok(())
}
