// SPDX-License-Identifier: GPL-2.0

//! The interrupt has a pointer to the channel.

use kapi::xen::events::{EventChannel, EventHandler};

fn may_move<T: Unpin>() {}

/// Moves it.
pub fn moves<H: EventHandler>() {
    may_move::<EventChannel<H>>(); //~ E0277
}
