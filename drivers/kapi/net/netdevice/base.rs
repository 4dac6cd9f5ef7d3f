// SPDX-License-Identifier: GPL-2.0

//! What any net device has, whoever's it is.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use crate::{bindings, net::Rtnl};
use core::{mem::MaybeUninit, ops::Deref, ptr::NonNull};
use kernel::types::Opaque;

/// A net device.
///
/// # Invariants
///
/// Whoever has a reference to it knows that the device is not freed meanwhile. It is registered, or
/// was while there was a reference: before it is freed it is unregistered, which waits for counts.
#[repr(transparent)]
pub struct Device(Opaque<bindings::net_device>);

// SAFETY: A net device is no thread's own.
unsafe impl Send for Device {}
// SAFETY: What can be asked of a shared device is a word that is read whole, or changes with RTNL
// held only and is asked for with evidence of that, or the kernel's own functions take their locks
// for it.
unsafe impl Sync for Device {}

/// An Ethernet address in as many bytes as any device's can have.
pub(crate) fn padded(mac: [u8; 6]) -> [u8; bindings::MAX_ADDR_LEN as usize] {
    let mut address = [0; bindings::MAX_ADDR_LEN as usize];
    address[..6].copy_from_slice(&mac);
    address
}

impl Device {
    /// # Safety
    ///
    /// `dev` must be a valid device that is not freed during `'a`, and that is registered, or whose
    /// unregistration has not begun to wait for counts.
    pub(crate) unsafe fn from_raw<'a>(dev: *mut bindings::net_device) -> &'a Self {
        // SAFETY: By the function's contract; the type is transparent.
        unsafe { &*dev.cast::<Self>() }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// The device's index.
    pub fn ifindex(&self) -> i32 {
        // SAFETY: By the type invariant the device is there. Its index is a word, which changes
        // only when the device moves to a namespace where another one has it.
        unsafe { bindings::xl_netdev_ifindex(self.as_raw()) }
    }

    /// Whether the device is up.
    #[inline]
    pub fn is_running(&self) -> bool {
        // SAFETY: By the type invariant the device is there; of its state one bit is read.
        unsafe { bindings::xl_netif_running(self.as_raw()) }
    }

    /// Whether the device is to be found in the initial namespace: not any more when its leaving is
    /// told of.
    pub(crate) fn is_listed(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid; devices are listed and taken off with RTNL held only.
        unsafe { bindings::xl_netdev_is_listed(self.as_raw()) }
    }

    /// Whether the device is registered, or only changing its namespace.
    pub(crate) fn is_registered(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid; it is registered and unregistered with RTNL held only.
        let state = unsafe { bindings::xl_netdev_reg_state(self.as_raw()) };
        u32::from(state) == bindings::netdev_reg_state_NETREG_REGISTERED
    }
}

/// A counted reference to a device.
///
/// Unregistering the device waits for these: drop it when the device goes away. A kernel that
/// tracks references (`CONFIG_NET_DEV_REFCNT_TRACKER`) names those that it waits for.
///
/// # Invariants
///
/// Owns one count on the device, of which `tracker` is the track.
pub struct DeviceRef {
    dev: NonNull<Device>,
    tracker: bindings::netdevice_tracker,
}

// SAFETY: A count may be given back by any thread.
unsafe impl Send for DeviceRef {}
// SAFETY: `&DeviceRef` gives only `&Device`, which is `Sync`.
unsafe impl Sync for DeviceRef {}

impl DeviceRef {
    /// Takes over a count.
    ///
    /// # Safety
    ///
    /// The caller must own a count on `dev` that is not tracked, and give it up.
    pub(crate) unsafe fn from_counted(dev: NonNull<bindings::net_device>) -> Self {
        // SAFETY: By the function's contract the device is valid, and its count has no track yet.
        unsafe { Self::tracked(dev, bindings::xl_netdev_tracker_alloc) }
    }

    /// # Safety
    ///
    /// `track` must be safe to call for `dev`, and leave the caller with a count and its track,
    /// which are given up.
    unsafe fn tracked(
        dev: NonNull<bindings::net_device>,
        track: unsafe extern "C" fn(*mut bindings::net_device, *mut bindings::netdevice_tracker),
    ) -> Self {
        // SAFETY: It is a pointer, or nothing, for which zero is valid.
        let mut tracker: bindings::netdevice_tracker =
            unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: By the function's contract; the track is valid for writes.
        unsafe { track(dev.as_ptr(), &mut tracker) };
        // INVARIANT: By the function's contract.
        Self {
            dev: dev.cast(),
            tracker,
        }
    }
}

impl From<&Device> for DeviceRef {
    fn from(dev: &Device) -> Self {
        // SAFETY: The device is valid, and the callee counts. By the invariant of `dev` who frees
        // it has waited for that count.
        unsafe { Self::tracked(NonNull::from(dev).cast(), bindings::xl_netdev_hold) }
    }
}

impl Deref for DeviceRef {
    type Target = Device;

    fn deref(&self) -> &Device {
        // SAFETY: By the type invariant the device cannot be freed while we own a count.
        unsafe { self.dev.as_ref() }
    }
}

impl Drop for DeviceRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant we own a count.
        unsafe { bindings::xl_netdev_put(self.as_raw(), &mut self.tracker) };
    }
}
