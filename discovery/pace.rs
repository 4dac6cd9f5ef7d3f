// SPDX-License-Identifier: GPL-2.0

//! How often one guest has dom0, and through it the other guests, do something.
//!
//! Each change of an advert can mean a dozen reads and writes of XenStore in every other guest.

use kapi::time::now_ms;

/// How often a guest's changes are taken, in milliseconds, once they are too many.
pub(crate) const PACE_MS: u64 = 100;

/// How often a guest's affairs get into the log, in milliseconds, once they are too many.
const LOG_MS: u64 = 10_000;

/// Whoever goes on at the limit is slowed down by up to this factor, until it pauses.
const MAX_SLOWER: u64 = 32;

/// The pace of one kind of thing that one guest can cause.
pub(crate) struct Pace {
    /// So many are taken as they come: more than an honest guest makes in a row.
    burst: u64,
    /// How often after that, in milliseconds.
    every_ms: u64,
    /// Moved on by `every_ms` with each, or a multiple; never more than `burst` of those ahead of now.
    until: u64,
    /// By which `every_ms` is multiplied now.
    slower: u64,
    /// One had to wait since the last was taken.
    refused: bool,
}

impl Pace {
    const fn new(burst: u64, every_ms: u64) -> Self {
        Self {
            burst,
            every_ms,
            until: 0,
            slower: 1,
            refused: false,
        }
    }

    /// That of changes in XenStore.
    pub(crate) const fn of_changes() -> Self {
        Self::new(32, PACE_MS)
    }

    /// That of wishes, of which each channel that begins or ends is one.
    pub(crate) const fn of_wishes() -> Self {
        Self::new(128, PACE_MS)
    }

    /// That of lines in the log.
    pub(crate) const fn of_lines() -> Self {
        Self::new(16, LOG_MS)
    }

    /// Whether one may be taken now, which then has to be done. It is to wait otherwise.
    pub(crate) fn take(&mut self) -> bool {
        let now = now_ms();
        let slower = if self.until <= now {
            1
        } else if self.refused {
            MAX_SLOWER.min(2 * self.slower)
        } else {
            self.slower
        };
        let until = self.until.max(now) + self.every_ms * slower;
        // However slow, one at a time is taken.
        let may = until <= now + self.every_ms * self.burst.max(slower);
        if may {
            self.until = until;
            self.slower = slower;
        }
        self.refused = !may;
        may
    }

    /// Takes so many more, which what was taken turned out to be.
    pub(crate) fn charge(&mut self, more: usize) {
        self.until += self.every_ms * self.slower * more as u64;
    }
}
