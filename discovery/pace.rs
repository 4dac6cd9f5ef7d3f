// SPDX-License-Identifier: GPL-2.0

//! How often one guest has dom0, and through it the other guests, do something.
//!
//! Each change of an advert can mean a dozen reads and writes of XenStore in every other guest.

use kapi::time::now_ms;

/// How often a guest's changes are taken, in milliseconds, once they are too many.
pub(crate) const PACE_MS: u64 = 100;

/// How often a guest's affairs get into the log, in milliseconds, once they are too many.
const LOG_MS: u64 = 10_000;

/// The pace of one kind of thing that one guest can cause.
pub(crate) struct Pace {
    /// So many are taken as they come: more than an honest guest makes in a row.
    burst: u64,
    /// How often after that, in milliseconds.
    every_ms: u64,
    /// Moved on by `every_ms` with each; never more than `burst` of those ahead of now.
    until: u64,
}

impl Pace {
    const fn new(burst: u64, every_ms: u64) -> Self {
        Self {
            burst,
            every_ms,
            until: 0,
        }
    }

    /// That of changes in XenStore.
    pub(crate) const fn of_changes() -> Self {
        Self::new(32, PACE_MS)
    }

    /// That of lines in the log.
    pub(crate) const fn of_lines() -> Self {
        Self::new(16, LOG_MS)
    }

    /// Whether one may be taken now, which then has to be done. It is to wait otherwise.
    pub(crate) fn take(&mut self) -> bool {
        let now = now_ms();
        let until = self.until.max(now) + self.every_ms;
        let may = until <= now + self.burst * self.every_ms;
        if may {
            self.until = until;
        }
        may
    }
}
