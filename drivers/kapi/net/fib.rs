// SPDX-License-Identifier: GPL-2.0

//! What the kernel has cached of a route, and who still sends along it.
//!
//! A sender looks its route up once and then builds and sends the packet, without any lock. When
//! the route is deleted, what the kernel has cached of it is made to discard packets one grace
//! period later, and a sender that was preempted in between loses its packet. Who holds the route
//! decides when that happens.
//!
//! C header: [`include/net/ip_fib.h`](srctree/include/net/ip_fib.h)

use crate::{bindings, net::rtnetlink::HostRoute};
use core::ptr::NonNull;

/// Keeps what is cached of a route, and with it the route's device, even if the route is deleted.
///
/// # Invariants
///
/// Owns one count on the pointer.
pub struct Hold(NonNull<bindings::fib_info>);

// SAFETY: A count may be given back by any thread.
unsafe impl Send for Hold {}

impl Hold {
    /// Holds a route that is in the main table; `None` if it is not, or no longer. Any context.
    pub fn new(route: &HostRoute) -> Option<Self> {
        let destination = u32::from_ne_bytes(route.destination.octets());
        // SAFETY: Without preconditions.
        let info = unsafe { bindings::xl_fib_info_get(destination, route.ifindex) };
        // INVARIANT: The callee counted.
        NonNull::new(info).map(Self)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the count is ours.
        unsafe { bindings::xl_fib_info_put(self.0.as_ptr()) };
    }
}

/// Waits until no task is where it was when it was preempted before the call: each has slept, been
/// idle or in user space since. Takes some hundred milliseconds. Process context.
pub fn wait_for_senders() {
    // SAFETY: By the function's contract this is a context that may sleep.
    unsafe { bindings::xl_synchronize_rcu_tasks() };
}
