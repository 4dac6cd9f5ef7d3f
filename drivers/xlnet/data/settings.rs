// SPDX-License-Identifier: GPL-2.0

//! How channels are to be, as ethtool sets it.

use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Full, Relaxed},
};

/// Pages of a queue pair's ring, unless ethtool asked for others: 1 MiB, room for fifteen of the
/// largest packets.
const DEFAULT_RING_PAGES: u32 = 256;
/// A ring must have room for the largest packet and its header.
const MIN_RING_PAGES: u32 = 32;
/// The largest power of two of grant references that a control page has room for.
pub(crate) const MAX_RING_PAGES: u32 = xlnet_protocol::MAX_RING_PAGES as u32;

/// How a channel is to be.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// Pages of each of our rings, a power of two.
    pub(crate) ring_pages: u32,
    /// Queue pairs, at least 1; there are fewer if the peer wants fewer.
    pub(crate) queue_pairs: usize,
}

/// The settings that channels are opened with from now on.
pub(crate) struct Current {
    ring_pages: Atomic<u32>,
    queue_pairs: Atomic<u32>,
    changed: Atomic<bool>,
}

impl Current {
    /// Rings of the default size, and so many queue pairs.
    pub(crate) fn new(queue_pairs: u32) -> Self {
        Self {
            ring_pages: Atomic::new(DEFAULT_RING_PAGES),
            queue_pairs: Atomic::new(queue_pairs),
            changed: Atomic::new(false),
        }
    }

    pub(crate) fn get(&self) -> Settings {
        Settings {
            ring_pages: self.ring_pages(),
            queue_pairs: self.queue_pairs() as usize,
        }
    }

    pub(crate) fn ring_pages(&self) -> u32 {
        self.ring_pages.load(Relaxed)
    }

    pub(crate) fn queue_pairs(&self) -> u32 {
        self.queue_pairs.load(Relaxed)
    }

    /// A ring is a power of two of pages, and what is asked for is rounded up, as other drivers do. Returns
    /// whether that is another setting.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the ring would be too small.
    pub(crate) fn set_ring_pages(&self, pages: u32) -> Result<bool> {
        let pages = pages.next_power_of_two();
        if pages < MIN_RING_PAGES {
            return Err(EINVAL);
        }
        Ok(self.set(&self.ring_pages, pages))
    }

    /// Returns whether that is another setting.
    pub(crate) fn set_queue_pairs(&self, count: u32) -> bool {
        self.set(&self.queue_pairs, count)
    }

    fn set(&self, setting: &Atomic<u32>, value: u32) -> bool {
        let changed = setting.xchg(value, Full) != value;
        if changed {
            self.changed.store(true, Relaxed);
        }
        changed
    }

    /// Whether a setting changed since the last call: channels are to be opened anew then.
    pub(crate) fn take_changed(&self) -> bool {
        self.changed.xchg(false, Full)
    }
}
