// SPDX-License-Identifier: GPL-2.0

//! How often one guest has dom0, and through it the other guests, do something.
//!
//! Each change of an advert can mean a dozen reads and writes of XenStore in every other guest.

use kapi::time::now_ms;

/// So many changes are taken as they come: more than an honest guest makes in a row.
const BURST: u64 = 32;

/// How often after that, in milliseconds.
pub(crate) const PACE_MS: u64 = 100;

/// The pace of one kind of change of one guest.
pub(crate) struct Pace {
    /// Moved on by [`PACE_MS`] with each change; never more than [`BURST`] of those ahead of now.
    until: u64,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { until: 0 }
    }

    /// Whether a change may be taken now, which then has to be done. It is to wait otherwise.
    pub(crate) fn take(&mut self) -> bool {
        let now = now_ms();
        let until = self.until.max(now) + PACE_MS;
        let may = until <= now + BURST * PACE_MS;
        if may {
            self.until = until;
        }
        may
    }
}
