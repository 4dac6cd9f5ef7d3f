// SPDX-License-Identifier: GPL-2.0

//! Networking: a device of our own, its NAPI instances and packets; another device's ARP and
//! Neighbor Discovery traffic and addresses; neighbours and routes.

pub mod arp;
pub mod bridge;
pub mod dropreason;
pub mod ethtool;
pub mod fib;
pub mod follow;
pub mod idle_poll;
pub mod inet6;
pub mod napi;
pub mod ndp;
pub mod neighbour;
pub mod netdevice;
pub mod nic;
pub mod poll_timer;
pub mod receive;
pub mod reroute;
pub mod rtnetlink;
pub mod skbuff;

use crate::bindings;
use core::mem::ManuallyDrop;
use kernel::types::NotThreadSafe;

/// Evidence that this task holds the RTNL mutex.
///
/// # Invariants
///
/// The mutex is held while the value exists, and the value gives it back.
pub struct Rtnl(NotThreadSafe);

impl Rtnl {
    /// Takes the mutex. Process context.
    pub fn lock() -> Self {
        // SAFETY: May be called from any process context that does not hold it already.
        unsafe { bindings::rtnl_lock() };
        // INVARIANT: Just taken.
        Self(NotThreadSafe)
    }

    /// The same for a task that holds it anyway, and goes on holding it.
    ///
    /// # Safety
    ///
    /// The caller must hold the mutex as long as the result is used.
    pub(crate) unsafe fn held() -> ManuallyDrop<Self> {
        // INVARIANT: By the function's contract it is held; never dropped, the value does not give
        // it back.
        ManuallyDrop::new(Self(NotThreadSafe))
    }
}

impl Drop for Rtnl {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is held by this task.
        unsafe { bindings::rtnl_unlock() };
    }
}
