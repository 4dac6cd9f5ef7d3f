// SPDX-License-Identifier: GPL-2.0

//! Where a packet's route leads it, and sending it there out of another device than the one it was
//! routed to.
//!
//! C headers: [`include/net/dst.h`](srctree/include/net/dst.h),
//! [`include/net/route.h`](srctree/include/net/route.h),
//! [`include/net/ip6_route.h`](srctree/include/net/ip6_route.h)

use crate::{
    bindings,
    errno::ENETUNREACH,
    net::{
        dropreason::DropReason,
        inet6::{in6_addr, ipv6_addr},
        skbuff::SkBuff,
    },
};
use core::{
    mem::ManuallyDrop,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr::NonNull,
};
use kernel::{error::from_err_ptr, prelude::*};

/// Length of an IPv4 header without options (RFC 791).
const IPV4_HEADER: usize = 20;
/// Length of an IPv6 header without extension headers (RFC 8200).
const IPV6_HEADER: usize = 40;

/// The bits of the second byte that are the DSCP (RFC 2474).
const DSCP_MASK: u8 = 0xfc;

/// A packet was not sent, and is gone.
pub struct Lost;

impl SkBuff<'_> {
    /// The neighbour that a packet for `destination`, of the packet's family, is to be handed to:
    /// the gateway that its route names, or else the destination itself. `None` if that is no
    /// neighbour of that family. Process or softirq context, for a packet that a device is to send.
    #[inline]
    pub fn next_hop(&self, destination: IpAddr) -> Option<IpAddr> {
        match destination {
            IpAddr::V4(destination) => self.ipv4_next_hop(destination).map(IpAddr::V4),
            IpAddr::V6(destination) => self.ipv6_next_hop(destination).map(IpAddr::V6),
        }
    }

    #[inline]
    fn ipv4_next_hop(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        let mut gateway = 0;
        // SAFETY: By the type invariant the packet is there, and what keeps its route does as long:
        // a count, or the RCU section that a device sends in. There is room for the answer.
        let family = unsafe { bindings::xl_skb_gateway4(self.as_raw(), &mut gateway) };
        match u32::from(family) {
            bindings::AF_UNSPEC => Some(destination),
            bindings::AF_INET => Some(Ipv4Addr::from(gateway.to_ne_bytes())),
            _ => None,
        }
    }

    #[inline]
    fn ipv6_next_hop(&self, destination: Ipv6Addr) -> Option<Ipv6Addr> {
        let destination = in6_addr(destination);
        let mut next_hop = bindings::in6_addr::default();
        // SAFETY: As for IPv4; the destination is only read.
        let found =
            unsafe { bindings::xl_skb_next_hop6(self.as_raw(), &destination, &mut next_hop) };
        found.then(|| ipv6_addr(&next_hop))
    }
}

/// Sends a packet that was routed to another device through the one with index `ifindex`, to the
/// same neighbour. The kernel's routes decide how: MTU, output function, queueing. A packet of this
/// machine's own is fragmented or segmented as that MTU needs, whatever it says itself: its sender
/// went by the MTU of the first device.
///
/// What saw the packet on its way to the first device, POSTROUTING and its control group, does not
/// see it again; what belongs to the second does, as its queueing discipline. A packet that is sent
/// back to the first device from there is lost, as its route is the second's.
///
/// Softirq context, from within the first device's transmit function.
///
/// # Errors
///
/// [`Lost`] if there is no way, or it is blocked.
pub fn send_through(mut skb: SkBuff<'_>, ifindex: i32) -> Result<(), Lost> {
    match route_through(&mut skb, ifindex) {
        Ok(route) => route.output(skb),
        Err(reason) => {
            skb.lose(reason);
            Err(Lost)
        }
    }
}

/// Looks up the way of a packet through the device with index `ifindex`.
fn route_through(skb: &mut SkBuff<'_>, ifindex: i32) -> Result<Route, DropReason> {
    let raw = skb.as_raw();
    let (family, header) = match u32::from(skb.protocol()) {
        bindings::ETH_P_IP => (bindings::AF_INET, IPV4_HEADER),
        bindings::ETH_P_IPV6 => (bindings::AF_INET6, IPV6_HEADER),
        _ => return Err(DropReason::Protocol),
    };
    // A packet without a route did not come from this machine's IP, and one whose route is through
    // that device already was sent from there to here, by tc for example. Neither could be told
    // from one that goes round in a circle.
    // SAFETY: The packet and its route are there, see `next_hop`. The route is asked for its device
    // only if it is one of a family.
    let circles = unsafe {
        u32::from(bindings::xl_skb_route_family(raw)) != family
            || bindings::xl_skb_dst_ifindex(raw) == ifindex
            || bindings::xl_dev_xmit_recursion()
    };
    if circles {
        return Err(DropReason::Recursion);
    }
    // What reaches a device was transformed. One that was not must not leave as it is.
    // SAFETY: As above; without a route it would have been refused there.
    if unsafe { bindings::xl_skb_needs_xfrm(raw) } {
        return Err(DropReason::XfrmPolicy);
    }
    // The output path reads the header without asking where it lies.
    // SAFETY: The packet is there. Who is to send it owns the only count, so its linear part may be
    // made anew; nobody has a pointer into that.
    if !unsafe { bindings::xl_pskb_may_pull(raw, header as u32) } {
        return Err(DropReason::IpHeader);
    }
    if family == bindings::AF_INET {
        ipv4_route(skb, ifindex)
    } else {
        ipv6_route(skb, ifindex)
    }
}

/// Looks up the way of an IPv4 packet with a route, whose header is in its linear part.
fn ipv4_route(skb: &SkBuff<'_>, ifindex: i32) -> Result<Route, DropReason> {
    let mut header = [0; IPV4_HEADER];
    skb.copy_bits(0, &mut header)
        .map_err(|_| DropReason::IpHeader)?;
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
    // SAFETY: By the type invariant the packet is there; a field is read.
    common.flowic_mark = unsafe { bindings::xl_skb_mark(skb.as_raw()) };
    // Not every packet of this machine's own has a source of this machine's own.
    common.flowic_flags = bindings::FLOWI_FLAG_ANYSRC as u8;
    if next_hop != destination {
        common.flowic_flags |= bindings::FLOWI_FLAG_KNOWN_NH as u8;
    }
    let route = Ipv4Route::lookup(&mut flow).map_err(|_| unreachable)?;
    // The device may be gone, or in a VRF now; the address may be somebody else's, or ours.
    if route.is_unicast_through(ifindex) && flow.__fl_common.flowic_l3mdev == 0 {
        Ok(route.into())
    } else {
        Err(unreachable)
    }
}

/// Looks up the way of an IPv6 packet with a route, whose header is in its linear part.
fn ipv6_route(skb: &SkBuff<'_>, ifindex: i32) -> Result<Route, DropReason> {
    let mut header = [0; IPV6_HEADER];
    skb.copy_bits(0, &mut header)
        .map_err(|_| DropReason::IpHeader)?;
    let unreachable = DropReason::NoRoute;
    // RFC 8200: destination at 24.
    let destination = header.last_chunk::<16>().ok_or(DropReason::IpHeader)?;
    let next_hop = skb
        .ipv6_next_hop(Ipv6Addr::from(*destination))
        .ok_or(unreachable)?;
    // As for IPv4; no source is asked for here that would have to be this machine's own.
    // SAFETY: The packet is valid and has its header in its linear part; the address is only read.
    // The result is a counted route or null.
    let route = unsafe { bindings::xl_skb_route6(skb.as_raw(), &in6_addr(next_hop), ifindex) };
    // INVARIANT: The callee counted.
    NonNull::new(route).map(Route).ok_or(unreachable)
}

/// A route that an IPv4 packet can be sent along.
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
}

impl Drop for Ipv4Route {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the route is valid, and the count is ours.
        unsafe { bindings::xl_dst_release(bindings::xl_rt_dst(self.0.as_ptr())) };
    }
}

/// A route that a packet of its family can be sent along.
///
/// # Invariants
///
/// Owns one count on the pointer.
struct Route(NonNull<bindings::dst_entry>);

impl From<Ipv4Route> for Route {
    fn from(route: Ipv4Route) -> Self {
        let route = ManuallyDrop::new(route).0;
        // INVARIANT: The count goes with it.
        // SAFETY: The route is valid, and what is returned is a part of it.
        Self(unsafe { NonNull::new_unchecked(bindings::xl_rt_dst(route.as_ptr())) })
    }
}

impl Route {
    /// Sends a packet. Softirq context.
    fn output(self, skb: SkBuff<'_>) -> Result<(), Lost> {
        let route = ManuallyDrop::new(self).0;
        // SAFETY: The packet is given away, and so is the count on the route.
        match unsafe { bindings::xl_skb_output(skb.into_raw().as_ptr(), route.as_ptr()) } {
            0 => Ok(()),
            _ => Err(Lost),
        }
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the count is ours.
        unsafe { bindings::xl_dst_release(self.0.as_ptr()) };
    }
}
