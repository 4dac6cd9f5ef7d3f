// SPDX-License-Identifier: GPL-2.0

//! The task that took RTNL gives it back.

use kapi::net::Rtnl;

fn send(_: impl Send) {}

/// Lets another task give it back.
pub fn give_away() {
    send(Rtnl::lock()); //~ E0277
}
