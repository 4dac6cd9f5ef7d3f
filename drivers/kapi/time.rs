// SPDX-License-Identifier: GPL-2.0

//! Time.

use crate::bindings;

/// Returns the monotonic clock in nanoseconds. Any context but NMI.
#[inline]
pub(crate) fn now_ns() -> i64 {
    // SAFETY: `ktime_get()` has no preconditions.
    unsafe { bindings::ktime_get() }
}

/// Returns the monotonic clock in milliseconds. Any context but NMI.
pub fn now_ms() -> u64 {
    // The monotonic clock starts at zero, so it is never negative.
    now_ns().unsigned_abs() / 1_000_000
}
