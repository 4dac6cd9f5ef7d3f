// SPDX-License-Identifier: GPL-2.0

//! A layer-3 net device: no link-layer header, no ARP, point to multipoint by destination address.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use crate::{
    bindings,
    net::{
        ethtool,
        own_device::OwnDevice,
        rx_handler,
        skb::SkBuff,
        Rtnl, //
    },
};
use core::{cell::UnsafeCell, marker::PhantomData, mem::MaybeUninit, ops::Deref, ptr::NonNull};
use kernel::{
    error::to_result,
    prelude::*,
    sync::{rcu, Arc},
    types::{Opaque, ScopeGuard},
};

/// What a driver of such a device does.
///
/// A device has a fixed number of transmit queues; the core serialises [`Driver::start_xmit`] for
/// each of them.
pub trait Driver: Send + Sync + Sized + 'static {
    /// The driver's name as ethtool shows it.
    const NAME: &'static CStr;

    /// The driver's version as ethtool shows it.
    const VERSION: &'static CStr;

    /// What the names of the device's own statistics depend on.
    type Layout: Copy + Send + 'static;

    /// The largest transmit ring, in the driver's unit.
    const MAX_RING: u32;

    /// The device went up. Process context, RTNL held: must not wait for anything that needs it.
    fn open(&self, dev: &OwnDevice);

    /// The device is going down. No packet is being received that was found while [`Device::is_running`] was
    /// true. Process context, RTNL held.
    fn stop(&self, dev: &OwnDevice);

    /// Selects the transmit queue for a packet. Softirq context. A number that the device does not
    /// have is taken as 0.
    fn select_queue(&self, skb: &SkBuff) -> u16;

    /// Sends a packet that was queued on `queue`; `more` tells that another one follows at once.
    /// Softirq context, one caller at a time for each queue.
    fn start_xmit(&self, dev: &OwnDevice, queue: u16, skb: SkBuff, more: bool);

    /// The device by which a received packet counts as received, after the taps of this one; without one it
    /// is lost. Softirq context.
    fn receive_as<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Device>;

    /// What the names of the statistics are to depend on for somebody who begins to ask for them. RTNL held.
    fn layout(&self) -> Self::Layout;

    /// Reports the device's own statistics, each with its name. Of the same layout there are the same
    /// names, in the same order, whatever has changed since it was made. RTNL held.
    fn statistics(&self, layout: &Self::Layout, report: &mut ethtool::Report<'_>);

    /// The size of a transmit ring. RTNL held.
    fn ring(&self) -> u32;

    /// Asks for another size of the transmit rings, at most [`Self::MAX_RING`]. RTNL held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is too small.
    fn set_ring(&self, size: u32) -> Result;

    /// How many queue pairs, each a queue for sending and one for receiving, serve one purpose at
    /// most.
    fn max_queue_pairs(&self) -> u32;

    /// How many are asked for. RTNL held.
    fn queue_pairs(&self) -> u32;

    /// Asks for another number, from 1 to [`Self::max_queue_pairs`]. RTNL held.
    fn set_queue_pairs(&self, count: u32);
}

/// A net device.
///
/// # Invariants
///
/// Whoever has a reference to it knows that the device is not freed meanwhile.
#[repr(transparent)]
pub struct Device(Opaque<bindings::net_device>);

// SAFETY: The functions below may be called from any thread.
unsafe impl Send for Device {}
// SAFETY: As above; the kernel's functions synchronise themselves.
unsafe impl Sync for Device {}

impl Device {
    /// # Safety
    ///
    /// `dev` must be a valid device that is not freed during `'a`.
    pub(crate) unsafe fn from_raw<'a>(dev: *mut bindings::net_device) -> &'a Self {
        // SAFETY: By the function's contract; the type is transparent.
        unsafe { &*dev.cast::<Self>() }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// The device's index.
    pub fn ifindex(&self) -> i32 {
        // SAFETY: The device is valid, and its index never changes while it is registered.
        unsafe { bindings::xl_netdev_ifindex(self.as_raw()) }
    }

    /// Whether the device is up.
    pub fn is_running(&self) -> bool {
        // SAFETY: The device is valid.
        unsafe { bindings::xl_netif_running(self.as_raw()) }
    }

    /// Whether the device is registered, or only changing its namespace.
    pub(crate) fn is_registered(&self, _rtnl: &Rtnl) -> bool {
        // SAFETY: The device is valid; it is registered and unregistered with RTNL held only.
        unsafe { bindings::xl_netdev_is_registered(self.as_raw()) }
    }
}

/// A counted reference to a device.
///
/// Unregistering the device waits for these: drop it when the device goes away.
///
/// # Invariants
///
/// Owns one count on the device.
pub struct DeviceRef(NonNull<Device>);

// SAFETY: A count may be given back by any thread.
unsafe impl Send for DeviceRef {}
// SAFETY: `&DeviceRef` gives only `&Device`, which is `Sync`.
unsafe impl Sync for DeviceRef {}

impl DeviceRef {
    /// Takes over a count.
    ///
    /// # Safety
    ///
    /// The caller must own a count on `dev` and give it up.
    pub(crate) unsafe fn from_counted(dev: NonNull<bindings::net_device>) -> Self {
        // INVARIANT: By the function's contract.
        Self(dev.cast())
    }
}

impl From<&Device> for DeviceRef {
    fn from(dev: &Device) -> Self {
        // SAFETY: The device is valid.
        unsafe { bindings::xl_dev_hold(dev.as_raw()) };
        // INVARIANT: Just counted.
        Self(NonNull::from(dev))
    }
}

impl Deref for DeviceRef {
    type Target = Device;

    fn deref(&self) -> &Device {
        // SAFETY: By the type invariant the device cannot be freed while we own a count.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for DeviceRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant we own a count.
        unsafe { bindings::xl_dev_put(self.as_raw()) };
    }
}

/// A registered device; dropping it unregisters it.
///
/// # Invariants
///
/// `dev` was made by `alloc_netdev`, its private area holds a [`Private`] with a pointer to `*driver`, which
/// outlives it, and it is registered.
pub struct Registration<T: Driver> {
    dev: NonNull<bindings::net_device>,
    // Read by the callbacks, through the private area.
    _driver: Arc<T>,
}

// SAFETY: A device may be unregistered by any thread; `T: Send + Sync`.
unsafe impl<T: Driver> Send for Registration<T> {}
// SAFETY: `&Registration` gives only `&Device`.
unsafe impl<T: Driver> Sync for Registration<T> {}

impl<T: Driver> Registration<T> {
    /// Registers a device called `name` with `queues` transmit queues and packets of at most `mtu`
    /// bytes. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EEXIST` if there is a device of that name.
    pub fn new(name: &CStr, queues: u16, mtu: u32, driver: Arc<T>) -> Result<Self> {
        let priv_size = size_of::<Private<T>>() as c_int;
        // SAFETY: `setup` only touches the device it is given.
        let dev = unsafe {
            bindings::xl_alloc_netdev(
                priv_size,
                name.as_char_ptr(),
                Some(Self::setup),
                queues.into(),
            )
        };
        let dev = NonNull::new(dev).ok_or(ENOMEM)?;
        let dev = ScopeGuard::new_with_data(dev, |dev| {
            // SAFETY: Allocated above and not registered.
            unsafe { bindings::free_netdev(dev.as_ptr()) }
        });
        // SAFETY: Before its registration the device is ours alone.
        unsafe {
            let raw = dev.as_ptr();
            bindings::xl_netdev_priv(raw)
                .cast::<Private<T>>()
                .write(Private {
                    driver: &*driver,
                    readers: UnsafeCell::new(ethtool::Readers::new()),
                });
            bindings::xl_netdev_set_mtu(raw, mtu);
        }
        let rtnl = Rtnl::lock();
        // SAFETY: The device is set up completely; all it needs lives until `drop`. The handler goes with the
        // device: when that is unregistered, it has nothing more to receive. Nobody can have set another one,
        // as RTNL was held since the registration.
        unsafe {
            to_result(bindings::register_netdevice(dev.as_ptr()))?;
            bindings::netdev_rx_handler_register(
                dev.as_ptr(),
                Some(rx_handler::receive::<T>),
                core::ptr::null_mut(),
            );
        }
        drop(rtnl);
        // INVARIANT: Registered.
        Ok(Self {
            dev: dev.dismiss(),
            _driver: driver,
        })
    }

    /// The device.
    pub fn device(&self) -> &OwnDevice {
        // SAFETY: By the type invariant the device is ours, and valid as long as `self`.
        unsafe { OwnDevice::from_raw(self.dev.as_ptr()) }
    }

    /// Brings the device up, as `ip link set up` does. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// Those of the kernel, for example a veto by a notifier.
    pub fn bring_up(&self) -> Result {
        let _rtnl = Rtnl::lock();
        // SAFETY: The device is valid and RTNL is held.
        to_result(unsafe { bindings::dev_open(self.dev.as_ptr(), core::ptr::null_mut()) })
    }

    /// # Safety
    ///
    /// `dev` must be a new device that nobody else has.
    unsafe extern "C" fn setup(dev: *mut bindings::net_device) {
        // SAFETY: By the function's contract; the operations are constants.
        unsafe {
            bindings::xl_netdev_setup_l3(
                dev,
                &Ops::<T>::NETDEV,
                &ethtool::Ops::<T>::ETHTOOL,
                FEATURES,
                MAX_PACKET,
            );
        }
    }
}

impl<T: Driver> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the device is registered. The call waits until no callback
        // runs and no reference is left; then the device is ours to free.
        unsafe {
            bindings::unregister_netdev(self.dev.as_ptr());
            bindings::free_netdev(self.dev.as_ptr());
        }
    }
}

/// Whole packets that the device takes from the stack, headers included.
const MAX_PACKET: c_uint = 65536;

/// Everything is copied in memory, so nothing needs to be segmented, summed or made linear.
const FEATURES: u64 = {
    const fn bit(bit: c_uint) -> u64 {
        1 << bit
    }
    bit(bindings::NETIF_F_SG_BIT)
        | bit(bindings::NETIF_F_FRAGLIST_BIT)
        | bit(bindings::NETIF_F_HIGHDMA_BIT)
        | bit(bindings::NETIF_F_HW_CSUM_BIT)
        | bit(bindings::NETIF_F_RXCSUM_BIT)
        | bit(bindings::NETIF_F_TSO_BIT)
        | bit(bindings::NETIF_F_TSO_ECN_BIT)
        | bit(bindings::NETIF_F_TSO6_BIT)
        | bit(bindings::NETIF_F_GSO_UDP_L4_BIT)
};

struct Ops<T: Driver>(PhantomData<T>);

impl<T: Driver> Ops<T> {
    const NETDEV: bindings::net_device_ops = {
        // SAFETY: The structure consists of optional function pointers, for which zero is `None`.
        let mut ops: bindings::net_device_ops = unsafe { MaybeUninit::zeroed().assume_init() };
        ops.ndo_open = Some(Self::open);
        ops.ndo_stop = Some(Self::stop);
        ops.ndo_select_queue = Some(Self::select_queue);
        ops.ndo_start_xmit = Some(Self::start_xmit);
        ops
    };

    /// # Safety
    ///
    /// `dev` must be a device of ours that stays registered until this returns, and RTNL be held.
    unsafe extern "C" fn open(dev: *mut bindings::net_device) -> c_int {
        // SAFETY: By the function's contract.
        let (driver, dev) = unsafe {
            bindings::xl_in6_dev_no_autoconf(dev);
            (driver::<T>(dev), OwnDevice::from_raw(dev))
        };
        driver.open(dev);
        0
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours that stays registered until this returns.
    unsafe extern "C" fn stop(dev: *mut bindings::net_device) -> c_int {
        // SAFETY: By the function's contract.
        let (driver, dev) = unsafe { (driver::<T>(dev), OwnDevice::from_raw(dev)) };
        // A poll that began before the device was stopped may have found it running.
        // SAFETY: This is process context.
        unsafe { bindings::synchronize_net() };
        driver.stop(dev);
        0
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours that stays registered until this returns; `skb`
    /// must be valid and not change meanwhile.
    unsafe extern "C" fn select_queue(
        dev: *mut bindings::net_device,
        skb: *mut bindings::sk_buff,
        _sb_dev: *mut bindings::net_device,
    ) -> u16 {
        // SAFETY: By the function's contract.
        let (driver, dev) = unsafe { (driver::<T>(dev), OwnDevice::from_raw(dev)) };
        // SAFETY: By the function's contract.
        let queue = driver.select_queue(unsafe { SkBuff::borrow(&skb) });
        if dev.has_queue(queue) {
            queue
        } else {
            0
        }
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours that stays registered until this returns, and the
    /// caller must own a count on `skb` and give it up.
    unsafe extern "C" fn start_xmit(
        skb: *mut bindings::sk_buff,
        dev: *mut bindings::net_device,
    ) -> bindings::netdev_tx_t {
        // SAFETY: By the function's contract; as we return NETDEV_TX_OK, the core takes the packet
        // for gone.
        let (driver, dev, skb, queue, more) = unsafe {
            (
                driver::<T>(dev),
                OwnDevice::from_raw(dev),
                SkBuff::from_raw(NonNull::new_unchecked(skb)),
                bindings::xl_skb_get_queue_mapping(skb),
                bindings::xl_netdev_xmit_more(),
            )
        };
        driver.start_xmit(dev, queue, skb, more);
        bindings::netdev_tx_NETDEV_TX_OK
    }
}

/// Returns the driver of a device.
///
/// # Safety
///
/// `dev` must be a device made by a `Registration<T>`, and stay registered during `'a`.
pub(crate) unsafe fn driver<'a, T: Driver>(dev: *mut bindings::net_device) -> &'a T {
    // SAFETY: By `Registration`'s invariant the private area holds a pointer to the driver, which
    // outlives the device.
    unsafe { &*(*private::<T>(dev)).driver }
}

/// A device's private area.
struct Private<T: Driver> {
    driver: *const T,
    /// Who is asking for statistics. Belongs to whoever holds RTNL.
    readers: UnsafeCell<ethtool::Readers<T::Layout>>,
}

/// Returns the private area of a device, of which only the driver may be looked at without RTNL.
///
/// # Safety
///
/// `dev` must be a device made by a `Registration<T>`, and stay registered as long as the result is used.
unsafe fn private<T: Driver>(dev: *mut bindings::net_device) -> *const Private<T> {
    // SAFETY: By the function's contract.
    unsafe { bindings::xl_netdev_priv(dev).cast() }
}

/// Returns who is asking for a device's statistics.
///
/// # Safety
///
/// `dev` must be a device made by a `Registration<T>`, and stay registered during `'a`. RTNL must be held
/// all that time, and the function not be called again.
pub(crate) unsafe fn readers<'a, T: Driver>(
    dev: *mut bindings::net_device,
) -> &'a mut ethtool::Readers<T::Layout> {
    // SAFETY: By the function's contract the value is there, and nobody else has it.
    unsafe { &mut *(*private::<T>(dev)).readers.get() }
}
