// SPDX-License-Identifier: GPL-2.0

//! Contents that were replaced are freed when their readers are through.

use kapi::sync::RcuBox;
use kernel::sync::rcu;

/// Reads them after that.
pub fn read(contents: &RcuBox<u32>) -> u32 {
    let guard = rcu::read_lock();
    let contents = contents.read(&guard);
    drop(guard); //~ E0505
    *contents
}
