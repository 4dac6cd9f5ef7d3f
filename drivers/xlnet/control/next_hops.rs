// SPDX-License-Identifier: GPL-2.0

//! The next hops that routes through xl0 lead to: groups of xl0 (weight 65535) and the NIC (weight 1).
//!
//! Routes with an MTU of their own have a group of their own: with a next hop the kernel caches what it found,
//! metrics included, for all routes that lead there.

use kapi::net::rtnetlink::{Family, NextHop, NextHopGroup, Socket, PROTOCOL_KERNEL};
use kernel::prelude::*;

/// Ids of the groups; high ones, as the kernel gives the lowest that is free. The members of a group have the
/// two that follow.
const GROUP_V4: u32 = 0x786c_0400;
const GROUP_V6: u32 = 0x786c_0600;
/// That of routes with an MTU of their own is so much more.
const OWN_MTU: u32 = 0x10;

/// The kernel divides by weight: of 65536 pairs of addresses one keeps to the NIC.
const WEIGHT_XL0: u16 = u16::MAX;
const WEIGHT_NIC: u16 = 1;

/// The id of the group for a family's routes.
pub(crate) const fn group_id(family: Family, own_mtu: bool) -> u32 {
    let id = match family {
        Family::V4 => GROUP_V4,
        Family::V6 => GROUP_V6,
    };
    if own_mtu {
        id + OWN_MTU
    } else {
        id
    }
}

/// What is of xl0 and of the NIC, in the order of a family's next hops.
pub(crate) fn in_order<T>(family: Family, xl0: T, nic: T) -> [T; 2] {
    match family {
        Family::V4 => [xl0, nic],
        // From the first one's addresses the source is chosen.
        Family::V6 => [nic, xl0],
    }
}

/// The ids of a group's members.
pub(crate) struct Members {
    pub(crate) xl0: u32,
    pub(crate) nic: u32,
}

/// Those of IPv6 for routes with xl0's MTU, in the order of [`in_order`].
pub(crate) const V6_MEMBERS: Members = Members {
    nic: GROUP_V6 + 1,
    xl0: GROUP_V6 + 2,
};

/// A group of next hops, as far as they are ours: somebody may have taken their ids before.
pub(crate) struct NextHops {
    family: Family,
    id: u32,
    /// The devices of the single ones, in their order, while they are there.
    devices: Option<[i32; 2]>,
    /// The single ones that were made.
    single: [Option<NextHop>; 2],
    /// Whether the group was made.
    group: bool,
}

impl NextHops {
    /// None of these yet.
    pub(crate) const fn none(family: Family, own_mtu: bool) -> Self {
        Self {
            family,
            id: group_id(family, own_mtu),
            devices: None,
            single: [None; 2],
            group: false,
        }
    }

    /// Whether they are there, as far as nobody took them.
    pub(crate) fn are_there(&self) -> bool {
        self.devices.is_some()
    }

    fn describe(&self) -> NextHopGroup {
        let [first, second] = in_order(self.family, WEIGHT_XL0, WEIGHT_NIC);
        NextHopGroup {
            id: self.id,
            members: [(self.id + 1, first), (self.id + 2, second)],
            protocol: PROTOCOL_KERNEL,
        }
    }

    /// Has them there, with the devices of these indexes. Process context, RTNL not held, as below.
    ///
    /// # Errors
    ///
    /// The kernel's; none is there then.
    pub(crate) fn have(&mut self, socket: &mut Socket, xl0: i32, nic: i32) -> Result {
        let devices = in_order(self.family, xl0, nic);
        if self.devices == Some(devices) {
            return Ok(());
        }
        self.remove(socket);
        let result = self.add(socket, devices);
        if result.is_err() {
            self.remove(socket);
        }
        result
    }

    fn add(&mut self, socket: &mut Socket, devices: [i32; 2]) -> Result {
        let group = self.describe();
        let single = self.single.iter_mut().zip(group.members).zip(devices);
        for ((made, (id, _)), ifindex) in single {
            let next_hop = NextHop {
                id,
                family: self.family,
                ifindex,
                protocol: PROTOCOL_KERNEL,
            };
            socket.add(&next_hop)?;
            *made = Some(next_hop);
        }
        socket.add(&group)?;
        self.group = true;
        self.devices = Some(devices);
        Ok(())
    }

    /// Removes them, and with them what is left of the routes that lead there. Each may be gone already.
    pub(crate) fn remove(&mut self, socket: &mut Socket) {
        self.devices = None;
        if core::mem::take(&mut self.group) {
            let _ = socket.delete(&self.describe());
        }
        for next_hop in self.single.iter_mut().filter_map(Option::take) {
            let _ = socket.delete(&next_hop);
        }
    }
}
