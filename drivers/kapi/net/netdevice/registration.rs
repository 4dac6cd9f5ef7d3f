// SPDX-License-Identifier: GPL-2.0

//! The life of a device of ours, and what the core calls.

use crate::{
    bindings,
    net::{
        netdevice::own::OwnDevice,
        netdevice::{
            driver::{driver, Driver, Private},
            ethtool, qstats, rx_handler,
        },
        skbuff::SkBuff,
        Rtnl,
    },
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{error::to_result, prelude::*, sync::Arc, types::ScopeGuard};

/// A registered device; dropping it unregisters it.
///
/// # Invariants
///
/// `dev` was made by `alloc_netdev`, its private area holds a [`Private`] with a pointer to
/// `*driver`, which outlives it, and it is registered.
pub struct Registration<T: Driver> {
    dev: NonNull<bindings::net_device>,
    // Read by the callbacks, through the private area.
    _driver: Arc<T>,
}

// SAFETY: A device may be unregistered by any thread; `T: Send + Sync`.
unsafe impl<T: Driver> Send for Registration<T> {}
// SAFETY: What can be done with a shared reference is to have an `&OwnDevice`, which is `Sync`, and
// to bring the device up, for which RTNL is taken.
unsafe impl<T: Driver> Sync for Registration<T> {}

impl<T: Driver> Registration<T> {
    /// Registers a device called `name` that may have `queues` transmit queues, of which the first
    /// is in use, see [`OwnDevice::use_queues`], and packets of at most `mtu` bytes. Process
    /// context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EEXIST` if there is a device of that name, `EINVAL` if none can have it, or
    /// without queues.
    pub fn new(name: &CStr, queues: u16, mtu: u32, driver: Arc<T>) -> Result<Self> {
        const { assert!(align_of::<Private<T>>() <= bindings::NETDEV_ALIGN as usize) };
        // SAFETY: The name is NUL-terminated, and only read.
        if !unsafe { bindings::dev_valid_name(name.as_char_ptr()) } || queues == 0 {
            return Err(EINVAL);
        }
        let priv_size = size_of::<Private<T>>() as c_int;
        // SAFETY: The name is no longer than one may be, and there are queues. `setup` only touches
        // the device it is given.
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
        // SAFETY: Before its registration the device is ours alone. Its private area is as large as
        // was asked for, and aligned to `NETDEV_ALIGN` bytes at least.
        unsafe {
            let raw = dev.as_ptr();
            bindings::xl_netdev_priv(raw)
                .cast::<Private<T>>()
                .write(Private::new(&driver));
            bindings::xl_netdev_set_mtu(raw, mtu);
        }
        let rtnl = Rtnl::lock();
        // SAFETY: The device is set up completely; all it needs lives until `drop`. The handler
        // goes with the device: when that is unregistered, it has nothing more to receive. Nobody
        // can have set another one, as RTNL was held since the registration.
        unsafe {
            to_result(bindings::netif_set_real_num_queues(dev.as_ptr(), 1, 1))?;
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
        // SAFETY: By the type invariant the device is registered, as long as `self`, and RTNL is
        // held. The callee can do without a place for its explanations.
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
                &qstats::Ops::<T>::STAT,
                FEATURES,
                MAX_PACKET,
                TX_QUEUE_LEN,
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

/// Packets that a transmit queue holds back while its ring is full, in each of three bands: more than
/// the 92 full Ethernet packets that a socket with the default buffer has under way. The default of
/// Ethernet devices, 1000, would cost 24 KB for each queue, used or not.
const TX_QUEUE_LEN: c_uint = 128;

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
        ops.ndo_init = Some(Self::init);
        ops.ndo_open = Some(Self::open);
        ops.ndo_stop = Some(Self::stop);
        ops.ndo_select_queue = Some(Self::select_queue);
        ops.ndo_start_xmit = Some(Self::start_xmit);
        ops
    };

    /// # Safety
    ///
    /// `dev` must be a device of ours that is being registered, whose locks nobody holds.
    unsafe extern "C" fn init(dev: *mut bindings::net_device) -> c_int {
        // The way out takes the NIC's locks under ours, so lockdep is to tell them apart. In `setup`
        // the queues with their locks are not there yet.
        // SAFETY: By the function's contract.
        unsafe { bindings::xl_netdev_lockdep_set_classes(dev) };
        0
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours that stays registered until this returns, and RTNL be held.
    unsafe extern "C" fn open(dev: *mut bindings::net_device) -> c_int {
        // SAFETY: By the function's contract.
        let (driver, dev) = unsafe { (driver::<T>(dev), OwnDevice::from_raw(dev)) };
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
        // SAFETY: `ndo_stop` is called in process context, where there is nobody to wait for who
        // waits for the caller: no reader of RCU takes RTNL.
        unsafe { bindings::synchronize_net() };
        driver.stop(dev);
        0
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours that stays until this returns, registered or counted; `skb`
    /// must be valid and not change meanwhile.
    unsafe extern "C" fn select_queue(
        dev: *mut bindings::net_device,
        skb: *mut bindings::sk_buff,
        _sb_dev: *mut bindings::net_device,
    ) -> u16 {
        // SAFETY: By the function's contract.
        let (driver, dev) = unsafe { (driver::<T>(dev), OwnDevice::from_raw(dev)) };
        // A packet that took the way out and was sent back has another device's route, and this CPU
        // may have the lock of a queue of ours. As all such go to the first one, no two CPUs wait
        // for each other.
        // SAFETY: By the function's contract. The route is asked for its device only if it is one.
        let routed_elsewhere = unsafe {
            u32::from(bindings::xl_skb_route_family(skb)) != bindings::AF_UNSPEC
                && bindings::xl_skb_dst_ifindex(skb) != dev.ifindex()
        };
        if routed_elsewhere {
            return 0;
        }
        // SAFETY: By the function's contract.
        let queue = driver.select_queue(dev, unsafe { SkBuff::borrow(&skb) });
        if dev.uses_queue(queue) {
            queue
        } else {
            0
        }
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours that stays until this returns, registered or counted, and the
    /// caller must own a count on `skb` and give it up.
    unsafe extern "C" fn start_xmit(
        skb: *mut bindings::sk_buff,
        dev: *mut bindings::net_device,
    ) -> bindings::netdev_tx_t {
        // SAFETY: By the function's contract; as we return NETDEV_TX_OK, the core takes the packet
        // for gone. It names this device.
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
