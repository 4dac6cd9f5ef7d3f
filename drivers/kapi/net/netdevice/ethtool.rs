// SPDX-License-Identifier: GPL-2.0

//! What `ethtool -i`, `-S`, `-g` and `-l` show and `-G` and `-L` set.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use crate::{
    bindings,
    errno::EOPNOTSUPP,
    net::{
        ethtool::{Report, NAME_LEN},
        netdevice::driver::{driver, readers, Driver},
    },
};
use core::{marker::PhantomData, mem::MaybeUninit};
use kernel::prelude::*;

pub(super) struct Ops<T: Driver>(PhantomData<T>);

impl<T: Driver> Ops<T> {
    /// The core calls all of these with RTNL held, as the device asks for no lock of its own
    /// (`netdev_need_ops_lock()`).
    pub(super) const ETHTOOL: bindings::ethtool_ops = {
        // SAFETY: The structure consists of optional function pointers and integers, for all of
        // which zero is valid.
        let mut ops: bindings::ethtool_ops = unsafe { MaybeUninit::zeroed().assume_init() };
        ops.get_drvinfo = Some(Self::get_drvinfo);
        ops.get_link = Some(bindings::ethtool_op_get_link);
        ops.get_sset_count = Some(Self::get_sset_count);
        ops.get_strings = Some(Self::get_strings);
        ops.get_ethtool_stats = Some(Self::get_ethtool_stats);
        ops.get_ringparam = Some(Self::get_ringparam);
        ops.set_ringparam = Some(Self::set_ringparam);
        ops.get_channels = Some(Self::get_channels);
        ops.set_channels = Some(Self::set_channels);
        ops
    };

    /// # Safety
    ///
    /// `info` must be valid for reads and writes.
    unsafe extern "C" fn get_drvinfo(
        _dev: *mut bindings::net_device,
        info: *mut bindings::ethtool_drvinfo,
    ) {
        // SAFETY: By the function's contract.
        let info = unsafe { &mut *info };
        copy_text(&mut info.driver, T::NAME);
        copy_text(&mut info.version, version());
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, and RTNL be held.
    unsafe extern "C" fn get_sset_count(dev: *mut bindings::net_device, set: c_int) -> c_int {
        if set != bindings::ethtool_stringset_ETH_SS_STATS as c_int {
            return EOPNOTSUPP.to_errno();
        }
        // SAFETY: By the function's contract.
        let (driver, readers) = unsafe { (driver::<T>(dev), readers::<T>(dev)) };
        let layout = readers.layout(|| driver.layout());
        let mut report = Report::counting();
        driver.statistics(&layout, &mut report);
        match c_int::try_from(report.count()) {
            Ok(count @ 1..) => {
                readers.counted = report.count();
                count
            }
            // The core warns of a driver that has none.
            _ => EOPNOTSUPP.to_errno(),
        }
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, and RTNL be held since the last call of
    /// [`Self::get_sset_count`]; `data` must have room for as many names as that said.
    unsafe extern "C" fn get_strings(dev: *mut bindings::net_device, set: u32, data: *mut u8) {
        if set != bindings::ethtool_stringset_ETH_SS_STATS {
            return;
        }
        // SAFETY: By the function's contract.
        let (driver, readers) = unsafe { (driver::<T>(dev), readers::<T>(dev)) };
        let layout = readers.layout(|| driver.layout());
        let names = data.cast::<[u8; NAME_LEN]>();
        let mut taken = 0;
        let mut take = |name: &[u8; NAME_LEN]| {
            if taken < readers.counted {
                // SAFETY: By the function's contract there is room for so many.
                unsafe { names.add(taken).write(*name) };
                taken += 1;
            }
        };
        driver.statistics(&layout, &mut Report::names(&mut take));
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, and RTNL be held; `stats` must be valid, and `data`
    /// have room for as many values as it says.
    unsafe extern "C" fn get_ethtool_stats(
        dev: *mut bindings::net_device,
        stats: *mut bindings::ethtool_stats,
        data: *mut u64,
    ) {
        // SAFETY: By the function's contract.
        let room = unsafe { (*stats).n_stats } as usize;
        let mut taken = 0;
        let mut take = |value| {
            if taken < room {
                // SAFETY: By the function's contract, as `taken < room`.
                unsafe { data.add(taken).write(value) };
                taken += 1;
            }
        };
        // SAFETY: By the function's contract.
        let (driver, readers) = unsafe { (driver::<T>(dev), readers::<T>(dev)) };
        let layout = readers.layout(|| driver.layout());
        driver.statistics(&layout, &mut Report::values(&mut take));
        readers.finish();
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, RTNL be held, and `ring` be valid for writes.
    unsafe extern "C" fn get_ringparam(
        dev: *mut bindings::net_device,
        ring: *mut bindings::ethtool_ringparam,
        _kernel_ring: *mut bindings::kernel_ethtool_ringparam,
        _extack: *mut bindings::netlink_ext_ack,
    ) {
        // SAFETY: By the function's contract.
        let (driver, ring) = unsafe { (driver::<T>(dev), &mut *ring) };
        ring.tx_max_pending = T::MAX_RING;
        ring.tx_pending = driver.ring();
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, RTNL be held, and `ring` be valid for reads.
    unsafe extern "C" fn set_ringparam(
        dev: *mut bindings::net_device,
        ring: *mut bindings::ethtool_ringparam,
        _kernel_ring: *mut bindings::kernel_ethtool_ringparam,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: By the function's contract. The core has compared the size with the maximum.
        let (driver, size) = unsafe { (driver::<T>(dev), (*ring).tx_pending) };
        match driver.set_ring(size) {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, RTNL be held, and `channels` be valid for writes.
    unsafe extern "C" fn get_channels(
        dev: *mut bindings::net_device,
        channels: *mut bindings::ethtool_channels,
    ) {
        // SAFETY: By the function's contract.
        let (driver, channels) = unsafe { (driver::<T>(dev), &mut *channels) };
        channels.max_combined = driver.max_queue_pairs();
        channels.combined_count = driver.queue_pairs();
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, RTNL be held, and `channels` be valid for reads.
    unsafe extern "C" fn set_channels(
        dev: *mut bindings::net_device,
        channels: *mut bindings::ethtool_channels,
    ) -> c_int {
        // SAFETY: By the function's contract. The core has compared the number with 0 and with the
        // maximum, and refused other kinds of queues, of which the maximum is 0.
        let (driver, count) = unsafe { (driver::<T>(dev), (*channels).combined_count) };
        driver.set_queue_pairs(count);
        0
    }
}

/// The module's version, as `modinfo` has it.
fn version() -> &'static CStr {
    // SAFETY: The function gives a string constant, which is there as long as the module, that is,
    // this code.
    unsafe { CStr::from_char_ptr(bindings::xl_version()) }
}

/// Replaces what is in `to`, which for the version is the kernel's, by as much of `text` as fits,
/// and NULs.
fn copy_text<const N: usize>(to: &mut [c_char; N], text: &CStr) {
    to.fill(0);
    for (to, &byte) in to.iter_mut().zip(text.to_bytes()).take(N - 1) {
        *to = byte;
    }
}
