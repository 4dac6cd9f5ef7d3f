// SPDX-License-Identifier: GPL-2.0

//! IPv6 addresses as the kernel has them, and being told when some device's change.
//!
//! C headers: [`include/uapi/linux/in6.h`](srctree/include/uapi/linux/in6.h),
//! [`include/net/addrconf.h`](srctree/include/net/addrconf.h)

use crate::{
    bindings,
    notifier::{Listener, Registration},
};
use core::net::Ipv6Addr;
use kernel::prelude::*;

/// An address in the kernel's form.
#[inline]
pub(crate) fn in6_addr(address: Ipv6Addr) -> bindings::in6_addr {
    let mut raw = bindings::in6_addr::default();
    raw.in6_u.u6_addr8 = address.octets();
    raw
}

/// An address from the kernel's form.
#[inline]
pub(crate) fn ipv6_addr(raw: &bindings::in6_addr) -> Ipv6Addr {
    // SAFETY: All members of the union are sixteen bytes, of which any will do.
    Ipv6Addr::from(unsafe { raw.in6_u.u6_addr8 })
}

/// Whether IPv6 would send through the device with this index in the initial network namespace: it does
/// not where it is disabled, or the MTU too small for it (RFC 8200), and loses what its routes lead
/// there all the same. Nobody is told when that changes. Any context.
pub fn is_on(ifindex: i32) -> bool {
    // SAFETY: The callee takes any number.
    unsafe { bindings::xl_ipv6_is_on(ifindex) }
}

/// Who is told of changes.
pub trait Observer: Send + Sync + 'static {
    /// An IPv6 address of the device with index `ifindex`, in any namespace, came or goes. Any context,
    /// possibly with locks of IPv6 held: the handler should leave the work to somebody else.
    fn changed(&self, ifindex: i32);
}

/// A registration for changes of IPv6 addresses; dropping it ends it.
pub struct Notifier<T: Observer> {
    _addresses: Pin<KBox<Registration<Addresses<T>>>>,
}

impl<T: Observer> Notifier<T> {
    /// Registers `observer`. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(observer: T) -> Result<Self> {
        Ok(Self {
            _addresses: Registration::new(Addresses(observer))?,
        })
    }
}

/// Hears of addresses.
struct Addresses<T: Observer>(T);

// SAFETY: The kernel's functions for this chain do so; it is an atomic one, whose calls end with a
// grace period.
unsafe impl<T: Observer> Listener for Addresses<T> {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { bindings::register_inet6addr_notifier(block) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: By the function's contract.
        unsafe { bindings::unregister_inet6addr_notifier(block) };
    }

    unsafe fn told(&self, _event: c_ulong, address: *mut c_void) {
        // SAFETY: What this chain's events tell of is an `inet6_ifaddr`, which keeps its device.
        let ifindex = unsafe { bindings::xl_inet6_ifaddr_ifindex(address.cast()) };
        self.0.changed(ifindex);
    }
}
