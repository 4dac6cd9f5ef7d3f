// SPDX-License-Identifier: GPL-2.0

//! Routes, through a kernel-side rtnetlink socket: what is done here shows in `ip monitor route`
//! like anybody's change.
//!
//! C headers: [`include/uapi/linux/rtnetlink.h`](srctree/include/uapi/linux/rtnetlink.h),
//! [`include/linux/net.h`](srctree/include/linux/net.h)

use crate::{bindings, errno::EBADMSG};
use core::{net::Ipv4Addr, ptr::NonNull};
use kernel::{error::to_result, prelude::*};

/// A route to one IPv4 address through a device, in the main table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HostRoute {
    /// The address.
    pub destination: Ipv4Addr,
    /// The preferred source address.
    pub source: Ipv4Addr,
    /// The index of the device.
    pub ifindex: i32,
    /// Who installed it: a `RTPROT_` number.
    pub protocol: u8,
}

/// An rtnetlink socket.
///
/// # Invariants
///
/// The pointer is a netlink socket owned by this value.
pub struct Socket(NonNull<bindings::socket>);

// SAFETY: Sockets may be used from any thread.
unsafe impl Send for Socket {}

const NLMSG_HDR: usize = size_of::<bindings::nlmsghdr>();
const RTMSG: usize = size_of::<bindings::rtmsg>();
const ATTR: usize = 8;
const MESSAGE: usize = NLMSG_HDR + RTMSG + 3 * ATTR;

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

    /// Adds a route. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the table has a route to this address already, and the kernel's others.
    pub fn add(&mut self, route: &HostRoute) -> Result {
        let flags = bindings::NLM_F_CREATE | bindings::NLM_F_EXCL;
        self.request(bindings::RTM_NEWROUTE as u16, flags as u16, route)
    }

    /// Deletes a route. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `ESRCH` if there is none like this, and the kernel's others.
    pub fn delete(&mut self, route: &HostRoute) -> Result {
        self.request(bindings::RTM_DELROUTE as u16, 0, route)
    }

    fn request(&mut self, kind: u16, flags: u16, route: &HostRoute) -> Result {
        let flags = flags | (bindings::NLM_F_REQUEST | bindings::NLM_F_ACK) as u16;
        let mut message = encode(kind, flags, route);
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

/// Lays out `nlmsghdr`, `rtmsg` and the attributes, all multiples of 4 bytes long.
fn encode(kind: u16, flags: u16, route: &HostRoute) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    let mut at = 0;
    // PANIC: What is put below is `MESSAGE` bytes in all.
    let mut put = |bytes: &[u8]| {
        message[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&(MESSAGE as u32).to_ne_bytes());
    put(&kind.to_ne_bytes());
    put(&flags.to_ne_bytes());
    put(&[0; 8]); // Sequence number, port.
    put(&[
        bindings::AF_INET as u8,
        Ipv4Addr::BITS as u8,
        0, // Source prefix length.
        0, // TOS.
        bindings::rt_class_t_RT_TABLE_MAIN as u8,
        route.protocol,
        bindings::rt_scope_t_RT_SCOPE_LINK as u8,
        bindings::RTN_UNICAST as u8,
    ]);
    put(&[0; 4]); // Flags.
    let mut attribute = |kind: u32, value: [u8; 4]| {
        put(&(ATTR as u16).to_ne_bytes());
        put(&(kind as u16).to_ne_bytes());
        put(&value);
    };
    attribute(bindings::rtattr_type_t_RTA_DST, route.destination.octets());
    attribute(bindings::rtattr_type_t_RTA_OIF, route.ifindex.to_ne_bytes());
    attribute(bindings::rtattr_type_t_RTA_PREFSRC, route.source.octets());
    message
}
