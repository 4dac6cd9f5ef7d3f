// SPDX-License-Identifier: GPL-2.0

//! A packet that is to be sent names a device, which may go when it was not.

use kapi::net::skbuff::SkBuff;

fn keep(_: SkBuff<'static>) {}

/// Keeps it for later.
pub fn send(packet: SkBuff<'_>) {
    keep(packet); //~ E0521
}
