// SPDX-License-Identifier: GPL-2.0

//! Time.

use crate::bindings;

/// Returns the monotonic clock in milliseconds. Any context but NMI.
pub fn now_ms() -> u64 {
    // SAFETY: `ktime_get()` has no preconditions.
    let ns = unsafe { bindings::ktime_get() };
    // The monotonic clock starts at zero, so it is never negative.
    ns.unsigned_abs() / 1_000_000
}
