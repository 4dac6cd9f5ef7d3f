// SPDX-License-Identifier: GPL-2.0

//! New memory holds what it held before.

use kapi::net::receive::Unfilled;

/// Reads it.
pub fn read(packet: Unfilled<'_>, to: &mut [u8]) -> bool {
    packet.copy_first(to) //~ E0599
}
