// SPDX-License-Identifier: GPL-2.0

//! Another driver's device: finding it, what it is like, and being told when it changes.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h),
//! [`include/linux/inetdevice.h`](srctree/include/linux/inetdevice.h),
//! [`include/net/if_inet6.h`](srctree/include/net/if_inet6.h)

use crate::{
    bindings,
    net::{
        inet6::ipv6_addr,
        netdevice::{Device, DeviceRef},
        Rtnl,
    },
    notifier::{Listener, Registration},
};
use core::{
    net::{Ipv4Addr, Ipv6Addr},
    ptr::NonNull,
};
use kernel::{prelude::*, str::CString, sync::Arc};

/// Whether a device could have this name. Any context.
pub fn is_valid_name(name: &str) -> bool {
    CString::try_from_fmt(fmt!("{name}")).is_ok_and(|name| {
        // SAFETY: The name is NUL-terminated, and only read.
        unsafe { bindings::dev_valid_name(name.as_char_ptr()) }
    })
}

/// Finds a device of the initial network namespace by name. Process context.
pub fn by_name(name: &str) -> Option<DeviceRef> {
    let name = CString::try_from_fmt(fmt!("{name}")).ok()?;
    // SAFETY: The name is NUL-terminated; the call returns a counted device or null.
    let dev = unsafe { bindings::dev_get_by_name(bindings::xl_init_net(), name.as_char_ptr()) };
    // SAFETY: The count is ours.
    NonNull::new(dev).map(|dev| unsafe { DeviceRef::from_counted(dev) })
}

/// Finds the first device that xen-netfront drives. Process context, RTNL not held.
pub fn first_netfront() -> Option<DeviceRef> {
    let rtnl = Rtnl::lock();
    // SAFETY: RTNL is held, so the list stays as it is.
    let mut dev = unsafe { bindings::xl_first_net_device(bindings::xl_init_net()) };
    while !dev.is_null() {
        // SAFETY: The device is on the list, so it is registered, and stays as long as RTNL is
        // held; what is returned of it has a count.
        let device = unsafe { Device::from_raw(dev) };
        if device.is_netfront(&rtnl) {
            return Some(device.into());
        }
        // SAFETY: RTNL is held since the device was found on the list, so it is there still.
        dev = unsafe { bindings::xl_next_net_device(dev) };
    }
    None
}

impl Device {
    /// Whether xen-netfront drives the device. One that is not registered any more counts as driven
    /// by nobody.
    pub fn is_netfront(&self, rtnl: &Rtnl) -> bool {
        // The pointer stays when the count on what it points to is given back.
        if !self.is_registered(rtnl) {
            return false;
        }
        // SAFETY: The device is valid, and what it hangs off was set before anybody could see it.
        let parent = unsafe { bindings::xl_netdev_parent(self.as_raw()) };
        if parent.is_null() {
            return false;
        }
        // SAFETY: The parent is counted by its child until that is unregistered, which needs RTNL,
        // and it was on its bus before.
        let bus = unsafe { (*parent).bus };
        // SAFETY: A bus that is not null is registered, and has a name, NUL-terminated.
        let on_xenbus = !bus.is_null() && unsafe { CStr::from_char_ptr((*bus).name) } == c"xen";
        let is_vif = || {
            // SAFETY: What hangs off that bus is a `xenbus_device`, whose type is NUL-terminated
            // and constant.
            unsafe { CStr::from_char_ptr(bindings::xl_xenbus_devicetype(parent)) == c"vif" }
        };
        on_xenbus && is_vif()
    }

    /// The device's name.
    pub fn name<'a>(&'a self, _rtnl: &'a Rtnl) -> &'a CStr {
        // SAFETY: The device is valid; its name is NUL-terminated, and changes with RTNL held only.
        unsafe { CStr::from_char_ptr(bindings::xl_netdev_name(self.as_raw())) }
    }

    /// Whether it is this device of the initial network namespace that has the name, or has it
    /// among others (`altname`).
    pub fn is_called(&self, name: &str, _rtnl: &Rtnl) -> bool {
        by_name(name).is_some_and(|dev| core::ptr::eq(&*dev, self))
    }

    /// The device's Ethernet address, if it is an Ethernet device.
    pub fn mac(&self, _rtnl: &Rtnl) -> Option<[u8; 6]> {
        // SAFETY: By the type invariant the device is there; its type is constant, but for devices
        // that change it while they are down, with RTNL held.
        let is_ethernet =
            unsafe { u32::from(bindings::xl_netdev_type(self.as_raw())) == bindings::ARPHRD_ETHER };
        // SAFETY: An Ethernet device's address has six bytes, lives as long as the device, and
        // changes with RTNL held only.
        is_ethernet.then(|| unsafe {
            bindings::xl_netdev_addr(self.as_raw())
                .cast::<[u8; 6]>()
                .read()
        })
    }

    /// Whether the device is in the initial network namespace. It changes with RTNL held only.
    #[inline]
    pub fn is_in_initial_namespace(&self) -> bool {
        // SAFETY: The device is valid; the pointers are only compared.
        unsafe { bindings::xl_netdev_net(self.as_raw()) == bindings::xl_init_net() }
    }

    /// Whether the device has a carrier.
    #[inline]
    pub fn has_carrier(&self) -> bool {
        // SAFETY: By the type invariant the device is there; of its state one bit is read.
        unsafe { bindings::xl_netif_carrier_ok(self.as_raw()) }
    }

    /// The largest packet that the device sends.
    pub fn mtu(&self) -> u32 {
        // SAFETY: By the type invariant the device is there; the number, which changes, is read
        // whole.
        unsafe { bindings::xl_netdev_mtu(self.as_raw()) }
    }

    /// Whether the device's own driver runs an XDP program on what it receives.
    pub fn has_native_xdp(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid; programs come and go with RTNL held only.
        unsafe { bindings::xl_netdev_has_native_xdp(self.as_raw()) }
    }

    /// Calls `take` for each of the device's IPv4 addresses, the primary ones first. Process
    /// context.
    pub fn ipv4_addresses(&self, _rtnl: &Rtnl, mut take: impl FnMut(Ipv4Addr)) {
        // SAFETY: By the type invariant the device is there. What it has of IPv4 comes and goes
        // with RTNL held only.
        let in_dev = unsafe { bindings::xl_in_dev_get_rtnl(self.as_raw()) };
        if in_dev.is_null() {
            return;
        }
        // SAFETY: It is there as long as RTNL is held, and so is what its list of addresses leads
        // to.
        let mut ifa = unsafe { (*in_dev).ifa_list };
        while !ifa.is_null() {
            // SAFETY: An address is in the list until it is removed, with RTNL held; nobody changes
            // which one it is.
            let address = unsafe { (*ifa).ifa_local };
            take(Ipv4Addr::from(address.to_ne_bytes()));
            // SAFETY: As above; nor does the list change before RTNL is given back.
            ifa = unsafe { (*ifa).ifa_next };
        }
    }
}

/// IPv6 addresses of a device.
pub struct Ipv6Addresses<const N: usize> {
    raw: [bindings::in6_addr; N],
    len: usize,
    /// Whether there are others that may soon be addresses like these: the link is being asked
    /// whether somebody has them already (RFC 4862), which nobody is told the end of.
    pub pending: bool,
}

impl<const N: usize> Ipv6Addresses<N> {
    /// The addresses, of each scope the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        self.raw.iter().take(self.len).map(ipv6_addr)
    }
}

impl Device {
    /// The first `N` of the device's IPv6 addresses that can be used beyond their link and are known to
    /// be nobody else's. Process context.
    pub fn ipv6_addresses<const N: usize>(&self, _rtnl: &Rtnl) -> Ipv6Addresses<N> {
        let mut raw = [bindings::in6_addr::default(); N];
        let mut pending = false;
        // SAFETY: By the type invariant the device is there. What it has of IPv6 comes and goes
        // with RTNL held only, and the callee takes the lock of the list. There is room for so many
        // addresses.
        let len = unsafe {
            bindings::xl_netdev_ipv6_addresses(
                self.as_raw(),
                raw.as_mut_ptr(),
                N as u32,
                &mut pending,
            )
        };
        Ipv6Addresses {
            raw,
            len: len as usize,
            pending,
        }
    }
}

/// Something changed.
pub struct Change<'a> {
    /// The device.
    pub dev: &'a Device,
    /// What happened to it.
    pub event: Event,
    /// RTNL is held meanwhile.
    pub rtnl: &'a Rtnl,
}

/// What happens to devices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The device is there from now on, in the namespace that it is in.
    Registered,
    /// It has another name.
    Renamed,
    /// It leaves its namespace, for another one or for ever. In the latter case it is not freed
    /// before the readers of RCU have done with it that came by it before the observer returns.
    Unregistered,
    /// Anything else, of the device or of its IPv4 addresses.
    Other,
}

/// Who is told of changes.
pub trait Observer: Send + Sync + 'static {
    /// Some device that is registered, or one of its addresses, changed, in any namespace. Process
    /// context: the handler should leave lengthy work to somebody else.
    fn changed(&self, change: &Change<'_>);
}

/// A registration for changes of devices and of their IPv4 addresses; dropping it ends it.
pub struct Notifier<T: Observer> {
    _addresses: Pin<KBox<Registration<Addresses<T>>>>,
    devices: Pin<KBox<Registration<Devices<T>>>>,
}

impl<T: Observer> Notifier<T> {
    /// Registers `observer`, which is told at once of the devices there are. Process context, RTNL
    /// not held.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(observer: T) -> Result<Self> {
        let observer = Arc::new(observer, GFP_KERNEL)?;
        Ok(Self {
            devices: Registration::new(Devices(observer.clone()))?,
            _addresses: Registration::new(Addresses(observer))?,
        })
    }

    /// Who is told.
    pub(crate) fn observer(&self) -> &T {
        &self.devices.listener().0
    }
}

/// Tells an observer.
///
/// # Safety
///
/// `dev` must be a device that lives until this returns, and that is registered, or whose
/// unregistration has not begun to wait for counts; RTNL must be held.
unsafe fn tell<T: Observer>(observer: &T, dev: *mut bindings::net_device, event: Event) {
    // SAFETY: By the function's contract.
    let (dev, rtnl) = unsafe { (Device::from_raw(dev), Rtnl::held()) };
    observer.changed(&Change {
        dev,
        event,
        rtnl: &rtnl,
    });
}

/// Hears of devices.
struct Devices<T: Observer>(Arc<T>);

// SAFETY: The kernel's functions for this chain do so; its events come with RTNL held.
unsafe impl<T: Observer> Listener for Devices<T> {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { bindings::register_netdevice_notifier(block) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: By the function's contract.
        unsafe { bindings::unregister_netdevice_notifier(block) };
    }

    unsafe fn told(&self, event: c_ulong, info: *mut c_void) {
        let event = match u32::try_from(event) {
            Ok(bindings::netdev_cmd_NETDEV_REGISTER) => Event::Registered,
            Ok(bindings::netdev_cmd_NETDEV_UNREGISTER) => Event::Unregistered,
            Ok(bindings::netdev_cmd_NETDEV_CHANGENAME) => Event::Renamed,
            _ => Event::Other,
        };
        // SAFETY: What this chain's events tell of is a device that lives until they end.
        let (dev, state) = unsafe {
            let dev = bindings::xl_notifier_netdev(info.cast());
            (dev, bindings::xl_netdev_reg_state(dev))
        };
        // There are events of a device before it is registered, too. If that fails, its driver
        // frees it without waiting for counts.
        if let bindings::netdev_reg_state_NETREG_REGISTERED
        | bindings::netdev_reg_state_NETREG_UNREGISTERING = state.into()
        {
            // SAFETY: As above; RTNL is held. Who tells of a device that is being unregistered is
            // who does so, or has a count: nobody has done waiting for counts.
            unsafe { tell(&*self.0, dev, event) };
        }
    }
}

/// Hears of addresses.
struct Addresses<T: Observer>(Arc<T>);

// SAFETY: The kernel's functions for this chain do so; its events come with RTNL held.
unsafe impl<T: Observer> Listener for Addresses<T> {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { bindings::register_inetaddr_notifier(block) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: By the function's contract.
        unsafe { bindings::unregister_inetaddr_notifier(block) };
    }

    unsafe fn told(&self, _event: c_ulong, address: *mut c_void) {
        // SAFETY: What this chain's events tell of is an `in_ifaddr`, which keeps its device. A
        // device has addresses only from when it is registered until it is unregistered; RTNL is
        // held.
        unsafe {
            tell(
                &*self.0,
                bindings::xl_ifaddr_netdev(address.cast()),
                Event::Other,
            )
        };
    }
}
