// SPDX-License-Identifier: GPL-2.0

//! The device that is followed may go when a reader is through.

use kapi::net::follow::Followed;
use kernel::sync::rcu;

/// Uses it after that.
pub fn is_running(followed: &Followed) -> bool {
    let guard = rcu::read_lock();
    let dev = followed.get(&guard);
    drop(guard); //~ E0505
    dev.is_some_and(|dev| dev.is_running())
}
