// SPDX-License-Identifier: GPL-2.0

//! The kernel's neighbour entries: which hosts on a device's link are sent to.
//!
//! C headers: [`include/net/neighbour.h`](srctree/include/net/neighbour.h),
//! [`include/net/netevent.h`](srctree/include/net/netevent.h)

use crate::{
    bindings,
    net::{
        inet6::{in6_addr, ipv6_addr},
        netdevice::{padded, Device},
    },
    notifier::{Listener, Registration},
};
use core::net::IpAddr;
use kernel::prelude::*;

/// A neighbour that is, or was of late, the next hop of what is sent.
#[derive(Clone, Copy)]
pub struct Neighbour {
    /// Its Ethernet address.
    pub mac: [u8; 6],
    /// Its IP address.
    pub address: IpAddr,
}

impl Device {
    /// Calls `take` for each neighbour of an Ethernet device, in the initial network namespace, IPv4's
    /// before IPv6's, that is in use: its entry is reachable, permanent, or about to be looked at
    /// again. One that nothing was sent to for a while is stale, and left out. What IPv6 answers
    /// Neighbor Discovery with is sent, too. Of a device with shorter addresses the rest are zeros.
    /// `take` is called with the lock of one of the kernel's tables held and softirqs off: it must
    /// neither sleep nor send, for which that lock may be needed, nor come here. Process context.
    pub fn neighbours<F: FnMut(Neighbour)>(&self, mut take: F) {
        /// # Safety
        ///
        /// `cookie` must point to an `F` that nobody else uses meanwhile, `mac` to six bytes,
        /// `address` to an address.
        unsafe extern "C" fn call<F: FnMut(Neighbour)>(
            cookie: *mut c_void,
            mac: *const u8,
            address: *const bindings::in6_addr,
        ) {
            // SAFETY: By the function's contract.
            let (take, mac, address) = unsafe {
                (
                    &mut *cookie.cast::<F>(),
                    mac.cast::<[u8; 6]>().read(),
                    &*address,
                )
            };
            take(Neighbour {
                mac,
                address: ipv6_addr(address).to_canonical(),
            });
        }
        // SAFETY: The device is valid; `call` gets the cookie it expects, which lives until the
        // call returns, a buffer as long as any device's address, and an address.
        unsafe {
            bindings::xl_neigh_for_each(self.as_raw(), Some(call::<F>), (&raw mut take).cast());
        }
    }

    /// Has the kernel send to `neighbour` again if it has given it up or still looks for it, as if it
    /// had been heard of: what waits for it is sent, and soon the kernel looks whether it is there. An
    /// entry that is valid stays as it is, and none is made. Any context but hard interrupts.
    pub fn remember(&self, neighbour: Neighbour) {
        let address = match neighbour.address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let mac = padded(neighbour.mac);
        // SAFETY: The device is valid; the address and the MAC, which has as many bytes as the callee
        // may copy, are only read.
        unsafe { bindings::xl_neigh_remember(self.as_raw(), &in6_addr(address), mac.as_ptr()) };
    }
}

/// Who is told of neighbours.
pub trait Observer: Send + Sync + 'static {
    /// A neighbour entry changed of the device with this index in the initial network namespace, and
    /// is in use now, see [`Device::neighbours`]. Not all changes are told: one that becomes stale
    /// and is used again may be in use for a few seconds before. Softirq or process context, without
    /// sleeping.
    fn in_use(&self, ifindex: i32);
}

/// A registration for changes of neighbours; dropping it ends it, and waits for calls under way.
pub struct Notifier<T: Observer> {
    _neighbours: Pin<KBox<Registration<Neighbours<T>>>>,
}

impl<T: Observer> Notifier<T> {
    /// Registers `observer`. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(observer: T) -> Result<Self> {
        Ok(Self {
            _neighbours: Registration::new(Neighbours(observer))?,
        })
    }
}

struct Neighbours<T: Observer>(T);

// SAFETY: The kernel's functions for this chain do so; it is an atomic one, whose unregistration
// waits for a grace period.
unsafe impl<T: Observer> Listener for Neighbours<T> {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { bindings::register_netevent_notifier(block) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: By the function's contract.
        unsafe { bindings::unregister_netevent_notifier(block) };
    }

    unsafe fn told(&self, event: c_ulong, info: *mut c_void) {
        let update = bindings::netevent_notif_type_NETEVENT_NEIGH_UPDATE;
        if u32::try_from(event) != Ok(update) {
            return;
        }
        let neighbour = info.cast::<bindings::neighbour>();
        // SAFETY: What this event tells of is a neighbour, which lives until it ends, and with it
        // its device.
        let (in_use, ifindex) = unsafe {
            (
                bindings::xl_neigh_in_use(neighbour),
                bindings::xl_neigh_ifindex(neighbour),
            )
        };
        if in_use {
            self.0.in_use(ifindex);
        }
    }
}
