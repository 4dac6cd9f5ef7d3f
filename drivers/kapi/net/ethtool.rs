// SPDX-License-Identifier: GPL-2.0

//! What `ethtool -i`, `-S`, `-g` and `-l` show and `-G` and `-L` set.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use crate::{
    bindings,
    net::device::{driver, readers, Driver},
    time::now_ms,
};
use core::{fmt::Write, marker::PhantomData, mem::MaybeUninit};
use kernel::{fmt, prelude::*, task::Pid};

const NAME_LEN: usize = bindings::ETH_GSTRING_LEN as usize;

/// Where a driver's statistics go: one pass counts them, one takes the names, one the values.
pub struct Report<'a>(Pass<'a>);

enum Pass<'a> {
    Count(usize),
    Names(&'a mut dyn FnMut(&[u8; NAME_LEN])),
    Values(&'a mut dyn FnMut(u64)),
}

impl Report<'_> {
    /// Reports one statistic. A name of more than 31 bytes is cut.
    pub fn add(&mut self, name: fmt::Arguments<'_>, value: u64) {
        match &mut self.0 {
            Pass::Count(count) => *count += 1,
            Pass::Names(take) => {
                let mut text = Name {
                    bytes: [0; NAME_LEN],
                    len: 0,
                };
                // The only error is that the name is cut.
                let _ = write!(text, "{name}");
                take(&text.bytes);
            }
            Pass::Values(take) => take(value),
        }
    }
}

struct Name {
    bytes: [u8; NAME_LEN],
    len: usize,
}

impl Write for Name {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        // PANIC: `len` counts what was written below, at most `NAME_LEN - 1` bytes.
        let room = &mut self.bytes[self.len..NAME_LEN - 1];
        for (to, &byte) in room.iter_mut().zip(s.as_bytes()) {
            *to = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// Processes whose questions are kept apart.
const READERS: usize = 8;

/// For how long a process may leave its questions unfinished, in milliseconds.
const UNFINISHED_MS: u64 = 10_000;

/// Who is asking for statistics.
///
/// A process asks for their number, for the names, and for the values, each by a call of its own, and gives
/// up if the number changes meanwhile. So the layout that there was when it asked first is kept until it has
/// the values.
pub(crate) struct Readers<L> {
    asking: [Option<Reader<L>>; READERS],
    /// What was answered when the number was last asked for. The core asks for it before it makes room for
    /// names, within the same call.
    counted: usize,
}

struct Reader<L> {
    process: Pid,
    layout: L,
    /// When it asked last.
    at: u64,
}

impl<L: Copy> Readers<L> {
    pub(crate) fn new() -> Self {
        Self {
            asking: [const { None }; READERS],
            counted: 0,
        }
    }

    /// The layout for the calling process; for one that begins to ask, the one that `make` says.
    fn layout(&mut self, make: impl FnOnce() -> L) -> L {
        let (process, now) = (calling_process(), now_ms());
        let known = self.asking.iter_mut().flatten().find(|reader| {
            reader.process == process && now.saturating_sub(reader.at) < UNFINISHED_MS
        });
        if let Some(known) = known {
            known.at = now;
            return known.layout;
        }
        let layout = make();
        let reader = Reader {
            process,
            layout,
            at: now,
        };
        // Its own old place, a free one, or that of whoever has not asked for the longest time.
        let place = self.asking.iter_mut().min_by_key(|place| match place {
            Some(reader) if reader.process == process => (0, 0),
            Some(reader) => (2, reader.at),
            None => (1, 0),
        });
        if let Some(place) = place {
            *place = Some(reader);
        }
        layout
    }

    /// The calling process has the values.
    fn finish(&mut self) {
        let process = calling_process();
        for place in &mut self.asking {
            if place
                .as_ref()
                .is_some_and(|reader| reader.process == process)
            {
                *place = None;
            }
        }
    }
}

/// The process that called the kernel. Process context.
fn calling_process() -> Pid {
    current!().group_leader().pid()
}

pub(crate) struct Ops<T: Driver>(PhantomData<T>);

impl<T: Driver> Ops<T> {
    pub(crate) const ETHTOOL: bindings::ethtool_ops = {
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
        copy_text(&mut info.version, T::VERSION);
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
        let mut report = Report(Pass::Count(0));
        driver.statistics(&layout, &mut report);
        let count = match report.0 {
            Pass::Count(count) => c_int::try_from(count).unwrap_or(0),
            _ => 0,
        };
        readers.counted = count as usize;
        count
    }

    /// # Safety
    ///
    /// `dev` must be a device of ours, and RTNL be held since the last call of [`Self::get_sset_count`];
    /// `data` must have room for as many names as that said.
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
        driver.statistics(&layout, &mut Report(Pass::Names(&mut take)));
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
        driver.statistics(&layout, &mut Report(Pass::Values(&mut take)));
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

/// Copies as much of `text` as fits in front of the final NUL of the zeroed `to`.
fn copy_text<const N: usize>(to: &mut [c_char; N], text: &CStr) {
    for (to, &byte) in to.iter_mut().zip(text.to_bytes()).take(N - 1) {
        *to = byte;
    }
}
