// SPDX-License-Identifier: GPL-2.0

//! Random numbers.

use crate::bindings;

/// Returns 64 bits from the kernel's random number generator. Any context.
pub fn random_u64() -> u64 {
    // SAFETY: `get_random_u64()` has no preconditions and may be called from any context.
    unsafe { bindings::get_random_u64() }
}
