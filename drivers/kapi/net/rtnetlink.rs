// SPDX-License-Identifier: GPL-2.0

//! Routes, rules and next hops, through a kernel-side rtnetlink socket: what is done here shows in
//! `ip monitor` like anybody's change.
//!
//! C headers: [`include/uapi/linux/rtnetlink.h`](srctree/include/uapi/linux/rtnetlink.h),
//! [`fib_rules.h`](srctree/include/uapi/linux/fib_rules.h),
//! [`nexthop.h`](srctree/include/uapi/linux/nexthop.h),
//! [`include/linux/net.h`](srctree/include/linux/net.h)

use crate::{bindings, errno::EBADMSG};
use core::{net::IpAddr, ptr::NonNull};
use kernel::{error::to_result, prelude::*};

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

const NLMSG_HDR: usize = size_of::<bindings::nlmsghdr>();
/// More than any of the above takes.
const ROOM: usize = 128;

/// A netlink message that is being written: `nlmsghdr`, a header of its kind, attributes.
pub struct Message {
    bytes: [u8; ROOM],
    len: usize,
}

impl Message {
    fn new(kind: u32, flags: u32) -> Self {
        let mut this = Self {
            bytes: [0; ROOM],
            len: 0,
        };
        this.put(&[0; 4]); // The length, see `finish`.
        this.put(&(kind as u16).to_ne_bytes());
        this.put(&(flags as u16).to_ne_bytes());
        this.put(&[0; 8]); // Sequence number, port.
        this
    }

    fn put(&mut self, bytes: &[u8]) {
        // PANIC: The objects above take less than there is room for.
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends an attribute, padded to a multiple of 4 bytes.
    fn attribute(&mut self, kind: u32, value: &[u8]) {
        self.put(&(4 + value.len() as u16).to_ne_bytes());
        self.put(&(kind as u16).to_ne_bytes());
        self.put(value);
        self.len = self.len.next_multiple_of(4);
    }

    fn number(&mut self, kind: u32, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    fn address(&mut self, kind: u32, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// What all messages about next hops begin with.
    fn next_hop(&mut self, family: u8, protocol: u8, id: u32) {
        // nhmsg: family, scope, protocol, reserved, flags.
        self.put(&[family, 0, protocol, 0]);
        self.put(&[0; 4]);
        self.number(bindings::NHA_ID, id);
    }

    fn finish(&mut self) -> &mut [u8] {
        let len = (self.len as u32).to_ne_bytes();
        // PANIC: As in `put`; `new` made room for the length.
        self.bytes[..4].copy_from_slice(&len);
        &mut self.bytes[..self.len]
    }
}

/// An rtnetlink socket.
///
/// # Invariants
///
/// The pointer is a netlink socket owned by this value.
pub struct Socket(NonNull<bindings::socket>);

// SAFETY: Sockets may be used from any thread.
unsafe impl Send for Socket {}

impl Socket {
    /// Opens a socket in the initial network namespace. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn open() -> Result<Self> {
        let mut socket = core::ptr::null_mut();
        // SAFETY: `socket` is valid for writes.
        to_result(unsafe {
            bindings::sock_create_kern(
                bindings::xl_init_net(),
                bindings::AF_NETLINK as c_int,
                bindings::sock_type_SOCK_RAW as c_int,
                bindings::NETLINK_ROUTE as c_int,
                &mut socket,
            )
        })?;
        // INVARIANT: Just created.
        Ok(Self(NonNull::new(socket).ok_or(ENOMEM)?))
    }

    /// Makes an object that is not there yet. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one in its place already, and the kernel's others.
    pub fn add<T: Object>(&mut self, object: &T) -> Result {
        let [add, _] = T::MESSAGES;
        let flags = bindings::NLM_F_CREATE | bindings::NLM_F_EXCL;
        self.request(add, flags, |message| object.describe(message, false))
    }

    /// Deletes an object. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `ESRCH` or `ENOENT` if there is none like this, and the kernel's others.
    pub fn delete<T: Object>(&mut self, object: &T) -> Result {
        let [_, delete] = T::MESSAGES;
        self.request(delete, 0, |message| object.describe(message, true))
    }

    fn request(&mut self, kind: u32, flags: u32, describe: impl FnOnce(&mut Message)) -> Result {
        let flags = flags | bindings::NLM_F_REQUEST | bindings::NLM_F_ACK;
        let mut message = Message::new(kind, flags);
        describe(&mut message);
        let message = message.finish();
        // With a destination address the kernel checks the capabilities of the caller alone,
        // without one those of whoever opened the socket's file, and this socket has no file.
        let mut kernel = bindings::sockaddr_nl {
            nl_family: bindings::AF_NETLINK as u16,
            ..Default::default()
        };
        let mut header = bindings::msghdr {
            msg_name: (&raw mut kernel).cast(),
            msg_namelen: size_of::<bindings::sockaddr_nl>() as c_int,
            ..Default::default()
        };
        let len = message.len();
        let mut vec = bindings::kvec {
            iov_base: message.as_mut_ptr().cast(),
            iov_len: len,
        };
        // SAFETY: By the type invariant the socket is valid; header and vector describe memory
        // that lives during the call.
        let sent =
            unsafe { bindings::kernel_sendmsg(self.0.as_ptr(), &mut header, &mut vec, 1, len) };
        to_result(sent.min(0))?;
        self.acknowledgement()
    }

    /// Reads the answer, which the kernel queued while the request was sent.
    fn acknowledgement(&mut self) -> Result {
        let mut answer = [0u8; NLMSG_HDR + size_of::<i32>()];
        let len = answer.len();
        let mut header = bindings::msghdr::default();
        let mut vec = bindings::kvec {
            iov_base: answer.as_mut_ptr().cast(),
            iov_len: len,
        };
        // SAFETY: As above.
        let received = unsafe {
            bindings::kernel_recvmsg(
                self.0.as_ptr(),
                &mut header,
                &mut vec,
                1,
                len,
                bindings::MSG_DONTWAIT as c_int,
            )
        };
        to_result(received.min(0))?;
        // nlmsghdr: length, type, flags, sequence number, port; then nlmsgerr's error.
        let [_, _, _, _, k0, k1, _, _, _, _, _, _, _, _, _, _, e0, e1, e2, e3] = answer;
        let kind = u16::from_ne_bytes([k0, k1]);
        if received.unsigned_abs() as usize != len || u32::from(kind) != bindings::NLMSG_ERROR {
            return Err(EBADMSG);
        }
        to_result(i32::from_ne_bytes([e0, e1, e2, e3]))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the socket is ours.
        unsafe { bindings::sock_release(self.0.as_ptr()) };
    }
}
