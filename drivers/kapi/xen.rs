// SPDX-License-Identifier: GPL-2.0

//! Xen: what domain this is, grants and their budget, lent pages, event channels, XenStore.

mod affinity;
pub mod events;
pub mod grant_budget;
pub mod grant_table;
pub mod lender;
pub mod xenbus;

use crate::bindings;
use kernel::prelude::*;

/// Returns whether the kernel runs under Xen at all. Any context.
pub fn is_domain() -> bool {
    // SAFETY: Reads a variable that is constant after boot.
    unsafe { bindings::xl_xen_domain() }
}

/// Xen is there to be called: elsewhere a call would lead nowhere.
fn expect_domain() -> Result {
    is_domain().then_some(()).ok_or(ENODEV)
}

/// Returns whether the kernel is dom0's. Any context.
pub fn is_initial_domain() -> bool {
    // SAFETY: Reads variables that are constant after boot.
    unsafe { bindings::xl_xen_initial_domain() }
}
