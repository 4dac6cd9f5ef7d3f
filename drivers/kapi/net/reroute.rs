// SPDX-License-Identifier: GPL-2.0

//! Where a packet's route leads it, and sending it there out of another device than the one it was
//! routed to.
//!
//! C headers: [`include/net/dst.h`](srctree/include/net/dst.h),
//! [`include/net/route.h`](srctree/include/net/route.h)

use crate::{
    bindings,
    errno::ENETUNREACH,
    net::{dropreason::DropReason, skbuff::SkBuff},
};
use core::{net::Ipv4Addr, ptr::NonNull};
use kernel::{error::from_err_ptr, prelude::*};

/// Length of an IPv4 header without options (RFC 791).
const IPV4_HEADER: usize = 20;

/// The bits of the second byte that are the DSCP (RFC 2474).
const DSCP_MASK: u8 = 0xfc;

/// A packet was not sent, and is gone.
pub struct Lost;

impl SkBuff<'_> {
    /// The neighbour that an IPv4 packet for `destination` is to be handed to: the gateway that its
    /// route names, or else the destination itself. `None` if that is no IPv4 neighbour. Softirq
    /// context, for a packet that a device is to send.
    #[inline]
    pub fn ipv4_next_hop(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        let mut gateway = 0;
        // SAFETY: The packet is valid, and so is what is written to.
        let family = unsafe { bindings::xl_skb_gateway4(self.as_raw(), &mut gateway) };
        match u32::from(family) {
            bindings::AF_UNSPEC => Some(destination),
            bindings::AF_INET => Some(Ipv4Addr::from(gateway.to_ne_bytes())),
            _ => None,
        }
    }
}

/// Sends a packet that was routed to another device through the one with index `ifindex`, to the
/// same neighbour. The kernel's routes decide how: MTU, output function, queueing. A packet of this
/// machine's own is fragmented or segmented as that MTU needs, whatever it says itself: its sender
/// went by the MTU of the first device.
///
/// What saw the packet on its way to the first device, POSTROUTING and its control group, does not
/// see it again; what belongs to the second does, as its queueing discipline. A packet comes this
/// way once: one that was sent back to the first device is lost.
///
/// Softirq context, from within the first device's transmit function.
///
/// # Errors
///
/// [`Lost`] if there is no way, or it is blocked.
pub fn send_through(mut skb: SkBuff<'_>, ifindex: i32) -> Result<(), Lost> {
    let route = match skb.protocol() {
        protocol if protocol == bindings::ETH_P_IP as u16 => ipv4_route(&mut skb, ifindex),
        _ => Err(DropReason::Protocol),
    };
    match route {
        Ok(route) => route.output(skb),
        Err(reason) => {
            skb.lose(reason);
            Err(Lost)
        }
    }
}

/// Looks up the way of an IPv4 packet through the device with index `ifindex`.
fn ipv4_route(skb: &mut SkBuff<'_>, ifindex: i32) -> Result<Ipv4Route, DropReason> {
    let raw = skb.as_raw();
    // A packet without a route did not come from this machine's IP, and one whose route is through
    // that device already was sent from there to here, by tc for example. Neither could be told
    // from one that goes round in a circle.
    // SAFETY: The packet is valid; it is asked for its route's device if it has one.
    let circles = unsafe {
        !bindings::xl_skb_has_route4(raw)
            || bindings::xl_skb_dst_ifindex(raw) == ifindex
            || bindings::xl_dev_xmit_recursion()
    };
    if circles {
        return Err(DropReason::Recursion);
    }
    // What reaches a device was transformed. One that was not must not leave as it is.
    // SAFETY: As above, and it has a route.
    if unsafe { bindings::xl_skb_needs_xfrm(raw) } {
        return Err(DropReason::XfrmPolicy);
    }
    let invalid = DropReason::IpHeader;
    let mut header = [0; IPV4_HEADER];
    // The output path reads the header without asking where it lies.
    // SAFETY: The packet is valid, and ours alone.
    if !unsafe { bindings::xl_pskb_may_pull(raw, IPV4_HEADER as u32) } {
        return Err(invalid);
    }
    skb.copy_bits(0, &mut header).map_err(|_| invalid)?;
    // RFC 791: protocol at 9, source at 12, destination at 16.
    let [_, tos, .., s0, s1, s2, s3, d0, d1, d2, d3] = header;
    let destination = Ipv4Addr::new(d0, d1, d2, d3);
    let unreachable = DropReason::NoRoute;
    let next_hop = skb.ipv4_next_hop(destination).ok_or(unreachable)?;

    // The kernel has decided on the neighbour when it routed the packet. So the route to that is
    // looked up, among those without a gateway; an address of our own, as a load balancer's is, is
    // the destination of a packet for somebody else here.
    let mut flow = bindings::flowi4 {
        daddr: u32::from_ne_bytes(next_hop.octets()),
        saddr: u32::from_ne_bytes([s0, s1, s2, s3]),
        ..Default::default()
    };
    let common = &mut flow.__fl_common;
    common.flowic_oif = ifindex;
    common.flowic_scope = bindings::rt_scope_t_RT_SCOPE_LINK as u8;
    common.flowic_proto = header[9];
    common.flowic_dscp = tos & DSCP_MASK;
    // SAFETY: The packet is valid.
    common.flowic_mark = unsafe { bindings::xl_skb_mark(raw) };
    // Not every packet of this machine's own has a source of this machine's own.
    common.flowic_flags = bindings::FLOWI_FLAG_ANYSRC as u8;
    if next_hop != destination {
        common.flowic_flags |= bindings::FLOWI_FLAG_KNOWN_NH as u8;
    }
    let route = Ipv4Route::lookup(&mut flow).map_err(|_| unreachable)?;
    // The device may be gone, or in a VRF now; the address may be somebody else's, or ours.
    if route.is_unicast_through(ifindex) && flow.__fl_common.flowic_l3mdev == 0 {
        Ok(route)
    } else {
        Err(unreachable)
    }
}

/// A route that a packet can be sent along.
///
/// # Invariants
///
/// Owns one count on the pointer.
struct Ipv4Route(NonNull<bindings::rtable>);

impl Ipv4Route {
    /// Looks up a route. IPsec policies are not asked: the packet was transformed already.
    fn lookup(flow: &mut bindings::flowi4) -> Result<Self> {
        // SAFETY: The namespace is the initial one; `flow` is valid for reads and writes. The
        // result is a counted route or an error.
        let route = from_err_ptr(unsafe {
            bindings::ip_route_output_key_hash(bindings::xl_init_net(), flow, core::ptr::null())
        })?;
        // INVARIANT: The callee counted.
        NonNull::new(route).map(Self).ok_or(ENETUNREACH)
    }

    /// Whether it leads to one machine, through the device with index `ifindex`.
    fn is_unicast_through(&self, ifindex: i32) -> bool {
        let raw = self.0.as_ptr();
        // SAFETY: By the type invariant the route is valid.
        unsafe {
            bindings::xl_rt_ifindex(raw) == ifindex
                && u32::from(bindings::xl_rt_type(raw)) == bindings::RTN_UNICAST
        }
    }

    /// Sends a packet. Softirq context.
    fn output(self, skb: SkBuff<'_>) -> Result<(), Lost> {
        let route = core::mem::ManuallyDrop::new(self).0;
        // SAFETY: The packet is given away, and so is the count on the route.
        match unsafe { bindings::xl_skb_output4(skb.into_raw().as_ptr(), route.as_ptr()) } {
            0 => Ok(()),
            _ => Err(Lost),
        }
    }
}

impl Drop for Ipv4Route {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the count is ours.
        unsafe { bindings::xl_rt_put(self.0.as_ptr()) };
    }
}
