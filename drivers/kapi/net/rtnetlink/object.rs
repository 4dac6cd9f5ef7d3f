// SPDX-License-Identifier: GPL-2.0

//! What is asked of rtnetlink: routes, rules and next hops.

use super::message::Message;
use crate::bindings;
use core::net::IpAddr;
use kernel::prelude::*;

/// The protocol of what the kernel itself installs: network managers leave such rules and next hops
/// alone.
pub const PROTOCOL_KERNEL: u8 = bindings::RTPROT_KERNEL as u8;

/// The address family of a rule or a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    const fn raw(self) -> u8 {
        match self {
            Self::V4 => bindings::AF_INET as u8,
            Self::V6 => bindings::AF_INET6 as u8,
        }
    }
}

mod sealed {
    /// For which there is room in a [`Message`](super::Message).
    pub trait Sealed {}
    impl Sealed for super::HostRoute {}
    impl Sealed for super::LocalRule {}
    impl Sealed for super::NextHop {}
    impl Sealed for super::NextHopGroup {}
}

/// A request to rtnetlink: what is to be there, or not to be there.
pub trait Object: sealed::Sealed {
    /// Message types of making and of deleting one.
    const MESSAGES: [u32; 2];

    /// Appends what describes it. `delete` tells which of the two it is for.
    fn describe(&self, message: &mut Message, delete: bool);
}

/// A route to one address by way of a next-hop object, of universal scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRoute {
    /// The address.
    pub destination: IpAddr,
    /// The preferred source address, of the same family, if the kernel is not to choose one.
    pub source: Option<IpAddr>,
    /// The table.
    pub table: u32,
    /// Who installed it: a `RTPROT_` number.
    pub protocol: u8,
    /// Its priority among the routes to the address, the lowest first, if the kernel is not to choose
    /// one: the `metric` of `ip route`.
    pub priority: Option<u32>,
    /// The id of the next-hop object.
    pub next_hops: u32,
    /// What holds instead of what its devices say.
    pub metrics: Option<Metrics>,
}

/// Metrics of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The largest packet that is sent along it.
    pub mtu: u32,
    /// The largest segment that TCP says it takes.
    pub advmss: u32,
}

impl Metrics {
    /// The attributes, each of them length, type and value.
    fn attributes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let metrics = [
            (bindings::RTAX_MTU, self.mtu),
            (bindings::RTAX_ADVMSS, self.advmss),
        ];
        for (bytes, (kind, value)) in bytes.chunks_exact_mut(8).zip(metrics) {
            let (header, number) = bytes.split_at_mut(4);
            let (len, name) = header.split_at_mut(2);
            len.copy_from_slice(&8u16.to_ne_bytes());
            name.copy_from_slice(&(kind as u16).to_ne_bytes());
            number.copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }
}

impl Object for HostRoute {
    const MESSAGES: [u32; 2] = [bindings::RTM_NEWROUTE, bindings::RTM_DELROUTE];

    fn describe(&self, message: &mut Message, delete: bool) {
        let (family, bits) = match self.destination {
            IpAddr::V4(_) => (bindings::AF_INET, 32),
            IpAddr::V6(_) => (bindings::AF_INET6, 128),
        };
        // rtmsg: family, prefix lengths of destination and source, TOS, table, protocol, scope,
        // type, flags.
        message.put(&[
            family as u8,
            bits,
            0,
            0,
            bindings::rt_class_t_RT_TABLE_UNSPEC as u8,
            self.protocol,
            bindings::rt_scope_t_RT_SCOPE_UNIVERSE as u8,
            bindings::RTN_UNICAST as u8,
        ]);
        message.put(&[0; 4]);
        message.address(bindings::rtattr_type_t_RTA_DST, self.destination);
        message.number(bindings::rtattr_type_t_RTA_TABLE, self.table);
        message.number(bindings::rtattr_type_t_RTA_NH_ID, self.next_hops);
        if let Some(priority) = self.priority {
            message.number(bindings::rtattr_type_t_RTA_PRIORITY, priority);
        }
        if let Some(source) = self.source {
            message.address(bindings::rtattr_type_t_RTA_PREFSRC, source);
        }
        // It is deleted whatever its metrics are.
        if let Some(metrics) = self.metrics.filter(|_| !delete) {
            let attributes = metrics.attributes();
            message.attribute(bindings::rtattr_type_t_RTA_METRICS, &attributes);
        }
    }
}

/// The name of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceName {
    bytes: [u8; bindings::IFNAMSIZ as usize],
    len: usize,
}

impl DeviceName {
    /// The name, if a device can have one that long.
    pub fn new(name: &CStr) -> Option<Self> {
        let name = name.to_bytes_with_nul();
        let mut bytes = [0; bindings::IFNAMSIZ as usize];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self {
            bytes,
            len: name.len(),
        })
    }

    fn with_nul(&self) -> &[u8] {
        // PANIC: `new` has put so many there.
        &self.bytes[..self.len]
    }
}

/// What a rule is for, if not for all: `oif DEVICE ipproto PROTOCOL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    device: DeviceName,
    ip_protocol: u8,
}

impl Output {
    /// ICMPv6 that asks for this device.
    pub fn icmpv6(device: DeviceName) -> Self {
        Self {
            device,
            ip_protocol: bindings::IPPROTO_ICMPV6 as u8,
        }
    }
}

/// A rule that has this host's own packets looked up in a table: `from all iif lo lookup TABLE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalRule {
    /// The family.
    pub family: Family,
    /// Where it stands among the rules.
    pub priority: u32,
    /// The table.
    pub table: u32,
    /// Who installed it: a `RTPROT_` number.
    pub protocol: u8,
    /// For which of them, if not for all.
    pub only: Option<Output>,
}

impl Object for LocalRule {
    const MESSAGES: [u32; 2] = [bindings::RTM_NEWRULE, bindings::RTM_DELRULE];

    fn describe(&self, message: &mut Message, _delete: bool) {
        // fib_rule_hdr: family, prefix lengths of destination and source, TOS, table, two reserved,
        // action, flags.
        message.put(&[
            self.family.raw(),
            0,
            0,
            0,
            bindings::rt_class_t_RT_TABLE_UNSPEC as u8,
            0,
            0,
            bindings::FR_ACT_TO_TBL as u8,
        ]);
        message.put(&[0; 4]);
        message.attribute(bindings::FRA_IIFNAME, b"lo\0");
        message.number(bindings::FRA_PRIORITY, self.priority);
        message.number(bindings::FRA_TABLE, self.table);
        message.attribute(bindings::FRA_PROTOCOL, &[self.protocol]);
        if let Some(only) = &self.only {
            message.attribute(bindings::FRA_OIFNAME, only.device.with_nul());
            message.attribute(bindings::FRA_IP_PROTO, &[only.ip_protocol]);
        }
    }
}

/// A next-hop object: a device, on whose link the destinations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Its id.
    pub id: u32,
    /// The family.
    pub family: Family,
    /// The device's index.
    pub ifindex: i32,
    /// Who installed it: a `RTPROT_` number.
    pub protocol: u8,
}

impl Object for NextHop {
    const MESSAGES: [u32; 2] = [bindings::RTM_NEWNEXTHOP, bindings::RTM_DELNEXTHOP];

    fn describe(&self, message: &mut Message, delete: bool) {
        if delete {
            return message.next_hop(0, 0, self.id);
        }
        message.next_hop(self.family.raw(), self.protocol, self.id);
        message.number(bindings::NHA_OIF, self.ifindex.unsigned_abs());
    }
}

/// A next-hop object that is a group of two others, among which flows are divided by their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHopGroup {
    /// Its id.
    pub id: u32,
    /// The ids of its members with their weights, 1 to 65535.
    pub members: [(u32, u16); 2],
    /// Who installed it: a `RTPROT_` number.
    pub protocol: u8,
}

impl Object for NextHopGroup {
    const MESSAGES: [u32; 2] = NextHop::MESSAGES;

    fn describe(&self, message: &mut Message, delete: bool) {
        if delete {
            return message.next_hop(0, 0, self.id);
        }
        message.next_hop(bindings::AF_UNSPEC as u8, self.protocol, self.id);
        let mut members = [0; 16];
        for (bytes, (id, weight)) in members.chunks_exact_mut(8).zip(self.members) {
            // nexthop_grp: id, the weight less one in two bytes, reserved.
            let [low, high] = weight.saturating_sub(1).to_le_bytes();
            let (to, rest) = bytes.split_at_mut(4);
            to.copy_from_slice(&id.to_ne_bytes());
            rest.copy_from_slice(&[low, high, 0, 0]);
        }
        message.attribute(bindings::NHA_GROUP, &members);
    }
}
