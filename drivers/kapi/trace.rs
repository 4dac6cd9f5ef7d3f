// SPDX-License-Identifier: GPL-2.0

//! xlnet's tracepoints: `/sys/kernel/tracing/events/xlnet`, `perf trace -e 'xlnet:*'`. What they
//! tell is made into text only while somebody listens; otherwise each costs a jump that is not
//! taken.
//!
//! `kernel::tracepoint::declare_trace!` looks for tracepoints in the kernel's own bindings, where
//! those of modules outside its tree are not. All of it is inlined into the caller, so that there
//! is nothing of it in modules that do not use it: those are not linked with the C part.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::{bindings, Show};
use core::{fmt::Write, net::IpAddr};
use kernel::{fmt, prelude::*, str::NullTerminatedFormatter};

/// Whether somebody listens to a tracepoint.
macro_rules! is_enabled {
    ($tracepoint:ident) => {
        // SAFETY: That is a tracepoint that C has defined, so its key may always be asked for.
        unsafe {
            kernel::jump_label::static_branch_unlikely!(
                bindings::$tracepoint,
                bindings::tracepoint,
                key
            )
        }
    };
}

/// The longest text that is told, in bytes; of a longer one the parts that fit are.
const LONGEST: usize = 127;

/// Hands texts to a tracepoint, as strings that live until `tell` returns.
#[cold]
#[inline(never)]
fn with_texts<const N: usize>(
    texts: [fmt::Arguments<'_>; N],
    tell: impl FnOnce([*const c_char; N]),
) {
    let mut buffers = [[0; LONGEST + 1]; N];
    for (buffer, text) in buffers.iter_mut().zip(texts) {
        if let Some(mut formatter) = NullTerminatedFormatter::new(buffer) {
            // The only error is that the text is cut.
            let _ = formatter.write_fmt(text);
        }
    }
    tell(buffers.each_ref().map(|buffer| buffer.as_ptr().cast()));
}

/// The handshake with the domain `peer` took an event, which led from one state to another. Any
/// context.
#[inline]
pub fn handshake(
    peer: u16,
    event: fmt::Arguments<'_>,
    from: fmt::Arguments<'_>,
    to: fmt::Arguments<'_>,
) {
    if is_enabled!(__tracepoint_xlnet_handshake) {
        with_texts([event, from, to], |[event, from, to]| {
            // SAFETY: The strings are NUL-terminated, and copied by the callee.
            unsafe { bindings::rust_do_trace_xlnet_handshake(peer, event, from, to) };
        });
    }
}

/// What the handshake with the domain `peer` asked for was done, or failed. Any context.
#[inline]
pub fn action(peer: u16, action: fmt::Arguments<'_>, done: bool) {
    if is_enabled!(__tracepoint_xlnet_action) {
        with_texts([action], |[action]| {
            // SAFETY: The string is NUL-terminated, and copied by the callee.
            unsafe { bindings::rust_do_trace_xlnet_action(peer, action, done) };
        });
    }
}

/// An address of the domain `peer` is reached through xl0 from now on, or through the NIC, and why.
/// Any context.
#[inline]
pub fn route(peer: u16, address: IpAddr, on: bool, reason: fmt::Arguments<'_>) {
    if is_enabled!(__tracepoint_xlnet_route) {
        with_texts([fmt!("{}", Show(address)), reason], |[address, reason]| {
            // SAFETY: The strings are NUL-terminated, and copied by the callee.
            unsafe { bindings::rust_do_trace_xlnet_route(peer, address, on, reason) };
        });
    }
}
