// SPDX-License-Identifier: GPL-2.0

//! IPv6 addresses as the kernel has them.
//!
//! C header: [`include/uapi/linux/in6.h`](srctree/include/uapi/linux/in6.h)

use crate::bindings;
use core::net::Ipv6Addr;

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
