// SPDX-License-Identifier: GPL-2.0

//! Routes, rules and next hops, through a kernel-side rtnetlink socket: what is done here shows in
//! `ip monitor` like anybody's change.
//!
//! C headers: [`include/uapi/linux/rtnetlink.h`](srctree/include/uapi/linux/rtnetlink.h),
//! [`fib_rules.h`](srctree/include/uapi/linux/fib_rules.h),
//! [`nexthop.h`](srctree/include/uapi/linux/nexthop.h),
//! [`include/linux/net.h`](srctree/include/linux/net.h)

mod message;
mod object;

pub use message::Message;
pub use object::{
    DeviceName, Family, HostRoute, LocalRule, Metrics, NextHop, NextHopGroup, Object, Output,
    PROTOCOL_KERNEL,
};

use crate::{
    bindings,
    errno::{EBADMSG, ENOBUFS},
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    time::{delay::fsleep, Delta},
};

const NLMSG_HDR: usize = size_of::<bindings::nlmsghdr>();

/// How often it is tried again to delete what there was no memory to delete, and how long to wait
/// before each time, in milliseconds.
const MORE_ATTEMPTS: u32 = 10;
const NO_MEMORY_MS: i64 = 10;

/// Whether the kernel had no memory for what it was asked, or for the answer.
pub fn is_shortage(result: Result) -> bool {
    matches!(result, Err(ENOMEM | ENOBUFS))
}

/// An rtnetlink socket.
///
/// # Invariants
///
/// The pointer is a netlink socket owned by this value.
pub struct Socket(NonNull<bindings::socket>);

// SAFETY: A socket is no thread's own, nor are the credentials that it was made with: they are not
// asked for.
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

    /// Deletes an object. What should be gone would be in the way later, so if there is no memory to
    /// say so, this waits a while for some. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `ESRCH` or `ENOENT` if there is none like this; `ENOMEM` or `ENOBUFS` if there is no memory in
    /// a tenth of a second, and the kernel's others.
    pub fn delete<T: Object>(&mut self, object: &T) -> Result {
        let [_, delete] = T::MESSAGES;
        let mut more = MORE_ATTEMPTS;
        loop {
            let result = self.request(delete, 0, |message| object.describe(message, true));
            if more == 0 || !is_shortage(result) {
                return result;
            }
            more -= 1;
            fsleep(Delta::from_millis(NO_MEMORY_MS));
        }
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
        // SAFETY: By the type invariant the socket is there, and `&mut self` shows that nobody
        // takes the answer of somebody else. Header and vector describe memory that lives during
        // the call.
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
