// SPDX-License-Identifier: GPL-2.0

//! Statistics of a driver's own, as `ethtool -S` shows them.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use crate::{bindings, time::now_ms};
use core::fmt::Write;
use kernel::{fmt, prelude::*, task::Pid};

pub(crate) const NAME_LEN: usize = bindings::ETH_GSTRING_LEN as usize;

/// Where a driver's statistics go: one pass counts them, one takes the names, one the values.
pub struct Report<'a>(Pass<'a>);

enum Pass<'a> {
    Count(usize),
    Names(&'a mut dyn FnMut(&[u8; NAME_LEN])),
    Values(&'a mut dyn FnMut(u64)),
}

impl<'a> Report<'a> {
    /// Counts them.
    pub(crate) const fn counting() -> Self {
        Self(Pass::Count(0))
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> usize {
        match self.0 {
            Pass::Count(count) => count,
            _ => 0,
        }
    }

    /// Hands each name to `take`.
    pub(crate) fn names(take: &'a mut dyn FnMut(&[u8; NAME_LEN])) -> Self {
        Self(Pass::Names(take))
    }

    /// Hands each value to `take`.
    pub(crate) fn values(take: &'a mut dyn FnMut(u64)) -> Self {
        Self(Pass::Values(take))
    }

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
/// A process asks for their number, for the names, and for the values, each by a call of its own,
/// and gives up if the number changes meanwhile. So the layout that there was when it asked first
/// is kept until it has the values.
pub(crate) struct Readers<L> {
    asking: [Option<Reader<L>>; READERS],
    /// What was answered when the number was last asked for. The core asks for it before it makes
    /// room for names, within the same call.
    pub(crate) counted: usize,
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
    pub(crate) fn layout(&mut self, make: impl FnOnce() -> L) -> L {
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
    pub(crate) fn finish(&mut self) {
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
