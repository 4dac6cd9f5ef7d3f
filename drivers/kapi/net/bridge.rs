// SPDX-License-Identifier: GPL-2.0

//! What dom0's kernel does with the frames of guests: how vifs are attached, and what looks at what
//! passes between them.
//!
//! All of it is generic over the caller, so there is nothing of it in modules that do not use it:
//! those of guests are not linked with the C part.
//!
//! C headers: [`include/linux/if_bridge.h`](srctree/include/linux/if_bridge.h),
//! [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)

use crate::{bindings, net::Rtnl};
use kernel::prelude::*;

/// A vif, as the kernel has it attached.
#[derive(Clone, Copy)]
pub struct Vif {
    /// Domain id of its guest, as xen-netback has it.
    pub guest: u32,
    /// Its number among the guest's.
    pub handle: u32,
    /// The bridge and the port, `None` if no Linux bridge is the vif's master.
    pub port: Option<Port>,
    /// It is up, and its guest is connected.
    pub up: bool,
    /// A queueing discipline on it may hold frames back, or has filters.
    pub qdisc: bool,
    /// It has clsact, an ingress discipline, or tcx programs.
    pub tc: bool,
    /// It has an XDP program.
    pub xdp: bool,
    /// Hooks of netfilter's netdev family are on it.
    pub netfilter: bool,
}

/// A port of a Linux bridge.
#[derive(Clone, Copy)]
pub struct Port {
    /// Interface index of the bridge.
    pub bridge: u32,
    /// The bridge is up and the port's state is forwarding.
    pub forwarding: bool,
    /// Frames do not pass to other isolated ports.
    pub isolated: bool,
    /// Frames pass only from stations that were authorised.
    pub locked: bool,
    /// Frames to unknown stations, and broadcasts, are flooded to it.
    pub flooded: bool,
    /// The bridge has a spanning tree for each VLAN.
    pub vlan_trees: bool,
    /// What the bridge does with the port's VLANs, `None` if it does not filter them.
    pub vlans: Option<Vlans>,
}

/// The VLANs of a port, as far as untagged frames go.
#[derive(Clone, Copy)]
pub struct Vlans {
    /// The VLAN that untagged frames belong to, 0 if they are dropped.
    pub pvid: u16,
    /// Frames of that VLAN leave by the port, and without a tag.
    pub untagged: bool,
}

/// What looks at bridged frames, whatever the bridge.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Filters {
    /// Hooks of netfilter's bridge family: nftables, ebtables.
    pub bridge: bool,
    /// nftables' hooks in its IP and ARP families, while br_netfilter shows them bridged frames.
    pub nftables: bool,
    /// Hooks of others there.
    pub ip: bool,
}

/// Calls `take` for each vif of the initial network namespace. Process context, RTNL not held;
/// `take` runs with it held.
pub fn vifs<F: FnMut(Vif)>(mut take: F) {
    let _rtnl = Rtnl::lock();
    // SAFETY: RTNL is held, so devices and what is attached to them stay; `call::<F>` is given a
    // pointer to an `F` that nobody else uses meanwhile, and calls of it do not overlap.
    unsafe { bindings::xl_vifs(Some(call::<F>), (&raw mut take).cast()) };
}

/// # Safety
///
/// `take` must point to an `F` that nobody else uses, `vif` to a vif.
unsafe extern "C" fn call<F: FnMut(Vif)>(take: *mut c_void, vif: *const bindings::xl_vif) {
    // SAFETY: By the function's contract.
    let (take, vif) = unsafe { (&mut *take.cast::<F>(), &*vif) };
    let port = Port {
        bridge: vif.bridge,
        forwarding: vif.forwarding,
        isolated: vif.isolated,
        locked: vif.locked,
        flooded: vif.flooded,
        vlan_trees: vif.vlan_trees,
        vlans: vif.vlan_filtering.then_some(Vlans {
            pvid: vif.pvid,
            untagged: vif.untagged,
        }),
    };
    take(Vif {
        guest: vif.guest,
        handle: vif.handle,
        port: (vif.bridge != 0).then_some(port),
        up: vif.up,
        qdisc: vif.qdisc,
        tc: vif.tc,
        xdp: vif.xdp,
        netfilter: vif.netfilter,
    });
}

/// Tells `take` what looks at bridged frames now. Any context.
pub fn filters<F: FnOnce(Filters)>(take: F) {
    let mut filters = bindings::xl_bridge_filters::default();
    // SAFETY: The structure is valid for writes. The callee looks at hooks, which come and go,
    // under RCU, and at those of the initial namespace only, which stays.
    unsafe { bindings::xl_bridge_filters(&mut filters) };
    take(Filters {
        bridge: filters.bridge,
        nftables: filters.nftables,
        ip: filters.ip,
    });
}
