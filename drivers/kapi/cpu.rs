// SPDX-License-Identifier: GPL-2.0

//! How many CPUs this kernel runs on.
//!
//! C header: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h)

use crate::bindings;

/// The CPUs that run now. Any context.
pub fn online() -> u32 {
    // SAFETY: No preconditions: the kernel keeps the number whole while CPUs come and go.
    unsafe { bindings::xl_num_online_cpus() }
}

/// The CPUs that may ever run. Any context.
pub fn possible() -> u32 {
    // SAFETY: No preconditions: the number is constant after boot.
    unsafe { bindings::xl_num_possible_cpus() }
}
