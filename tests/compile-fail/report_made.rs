// SPDX-License-Identifier: GPL-2.0

//! What takes names knows how many there is room for; a driver makes none by itself.

use kapi::net::ethtool::Report;

/// Takes any number of names.
pub fn report() {
    Report::names(&mut |_| {}).add(kernel::prelude::fmt!("one"), 1); //~ E0624
}
