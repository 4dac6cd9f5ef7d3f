// SPDX-License-Identifier: GPL-2.0

//! Another driver's device: finding it, its addresses, and being told when it changes.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h),
//! [`include/linux/inetdevice.h`](srctree/include/linux/inetdevice.h)

use crate::{
    bindings,
    net::{
        device::{Device, DeviceRef},
        Rtnl,
    },
};
use core::{net::Ipv4Addr, ptr::NonNull};
use kernel::{error::to_result, prelude::*, str::CString, types::Opaque};

/// Finds a device of the initial network namespace by name. Process context.
pub fn by_name(name: &str) -> Option<DeviceRef> {
    let name = CString::try_from_fmt(fmt!("{name}")).ok()?;
    // SAFETY: The name is NUL-terminated; the call returns a counted device or null.
    let dev = unsafe { bindings::dev_get_by_name(bindings::xl_init_net(), name.as_char_ptr()) };
    // SAFETY: The count is ours.
    NonNull::new(dev).map(|dev| unsafe { DeviceRef::from_counted(dev) })
}

/// Finds a device of the initial network namespace by index. Process context.
pub fn by_index(ifindex: i32) -> Option<DeviceRef> {
    // SAFETY: The call returns a counted device or null.
    let dev = unsafe { bindings::dev_get_by_index(bindings::xl_init_net(), ifindex) };
    // SAFETY: The count is ours.
    NonNull::new(dev).map(|dev| unsafe { DeviceRef::from_counted(dev) })
}

/// Finds the first device that xen-netfront drives. Process context, RTNL not held.
pub fn first_netfront() -> Option<DeviceRef> {
    let _rtnl = Rtnl::lock();
    // SAFETY: RTNL is held, so the list stays as it is.
    let mut dev = unsafe { bindings::xl_next_netdev(core::ptr::null_mut()) };
    while !dev.is_null() {
        // SAFETY: The device is on the list.
        if unsafe { bindings::xl_netif_is_netfront(dev) } {
            // SAFETY: As above.
            return Some(unsafe { Device::from_raw(dev) }.into());
        }
        // SAFETY: As above.
        dev = unsafe { bindings::xl_next_netdev(dev) };
    }
    None
}

impl Device {
    /// The device's Ethernet address, if it is an Ethernet device.
    pub fn mac(&self) -> Option<[u8; 6]> {
        // SAFETY: The device is valid.
        let address = unsafe { bindings::xl_netdev_ether_addr(self.as_raw()) };
        let address = NonNull::new(address.cast_mut())?;
        // SAFETY: An Ethernet device's address has six bytes, and lives as long as the device; a
        // change meanwhile gives a mix of both at worst.
        Some(unsafe { address.cast::<[u8; 6]>().read() })
    }

    /// The index of the device that this one is enslaved to, for example the bridge. Process
    /// context, RTNL not held.
    pub fn master(&self) -> Option<i32> {
        let _rtnl = Rtnl::lock();
        // SAFETY: RTNL is held, so the master stays.
        let master = unsafe { bindings::netdev_master_upper_dev_get(self.as_raw()) };
        let master = NonNull::new(master)?;
        // SAFETY: As above.
        Some(unsafe { Device::from_raw(master.as_ptr()) }.ifindex())
    }

    /// Calls `take` for each of the device's IPv4 addresses, the primary ones first. Process
    /// context, RTNL not held.
    pub fn ipv4_addresses(&self, mut take: impl FnMut(Ipv4Addr)) {
        let _rtnl = Rtnl::lock();
        // SAFETY: The device is valid and RTNL is held.
        let in_dev = unsafe { bindings::xl_in_dev_get_rtnl(self.as_raw()) };
        if in_dev.is_null() {
            return;
        }
        // SAFETY: RTNL is held, so the list stays as it is.
        let mut ifa = unsafe { (*in_dev).ifa_list };
        while !ifa.is_null() {
            // SAFETY: As above.
            let address = unsafe { (*ifa).ifa_local };
            take(Ipv4Addr::from(address.to_ne_bytes()));
            // SAFETY: As above.
            ifa = unsafe { (*ifa).ifa_next };
        }
    }

    /// Turns off the reverse path filter of the device itself. Process context, RTNL not held.
    pub fn disable_rp_filter(&self) {
        let _rtnl = Rtnl::lock();
        // SAFETY: The device is valid and RTNL is held.
        unsafe {
            let in_dev = bindings::xl_in_dev_get_rtnl(self.as_raw());
            if !in_dev.is_null() {
                bindings::xl_in_dev_set_rp_filter(in_dev, 0);
            }
        }
    }
}

/// Who is told of changes.
pub trait Observer: Send + Sync + 'static {
    /// Some device, or one of its addresses, changed. Process context, RTNL held: the handler
    /// should leave the work to somebody else.
    fn changed(&self);
}

/// A registration for changes of devices and of their IPv4 addresses.
///
/// # Invariants
///
/// If `registered`, both blocks are registered with their functions.
#[pin_data(PinnedDrop)]
pub struct Notifier<T: Observer> {
    #[pin]
    devices: Opaque<bindings::notifier_block>,
    #[pin]
    addresses: Opaque<bindings::notifier_block>,
    observer: T,
    registered: bool,
}

// SAFETY: A notifier may be unregistered by any thread; `T: Send`.
unsafe impl<T: Observer> Send for Notifier<T> {}
// SAFETY: Nothing can be done with a shared reference; the observer is `Sync`.
unsafe impl<T: Observer> Sync for Notifier<T> {}

impl<T: Observer> Notifier<T> {
    /// Registers `observer`, which is told at once of the devices there are. Process context, RTNL
    /// not held.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(observer: T) -> Result<Pin<KBox<Self>>> {
        let mut this = KBox::pin_init(
            pin_init!(Self {
                devices: Opaque::zeroed(),
                addresses: Opaque::zeroed(),
                observer,
                registered: false,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: Nothing is moved out of the pinned value.
        let inner = unsafe { this.as_mut().get_unchecked_mut() };
        // SAFETY: The blocks are not registered yet, so they are ours to fill in; they are pinned
        // and unregistered before they are freed.
        unsafe {
            (*inner.devices.get()).notifier_call = Some(Self::device_changed);
            (*inner.addresses.get()).notifier_call = Some(Self::address_changed);
            to_result(bindings::register_netdevice_notifier(inner.devices.get()))?;
            let result = to_result(bindings::register_inetaddr_notifier(inner.addresses.get()));
            if let Err(error) = result {
                bindings::unregister_netdevice_notifier(inner.devices.get());
                return Err(error);
            }
        }
        // INVARIANT: Both are registered.
        inner.registered = true;
        Ok(this)
    }

    /// # Safety
    ///
    /// `block` must be `devices` of a `Self` that lives until this returns.
    unsafe extern "C" fn device_changed(
        block: *mut bindings::notifier_block,
        _event: c_ulong,
        _info: *mut c_void,
    ) -> c_int {
        // SAFETY: By the function's contract.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(block), Self, devices) };
        this.observer.changed();
        bindings::NOTIFY_DONE as c_int
    }

    /// # Safety
    ///
    /// `block` must be `addresses` of a `Self` that lives until this returns.
    unsafe extern "C" fn address_changed(
        block: *mut bindings::notifier_block,
        _event: c_ulong,
        _info: *mut c_void,
    ) -> c_int {
        // SAFETY: By the function's contract.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(block), Self, addresses) };
        this.observer.changed();
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<T: Observer> PinnedDrop for Notifier<T> {
    fn drop(self: Pin<&mut Self>) {
        if self.registered {
            // SAFETY: By the type invariant both are registered; the calls wait for running
            // handlers.
            unsafe {
                bindings::unregister_inetaddr_notifier(self.addresses.get());
                bindings::unregister_netdevice_notifier(self.devices.get());
            }
        }
    }
}
