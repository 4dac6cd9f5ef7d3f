// SPDX-License-Identifier: GPL-2.0

//! New memory holds what it held before.

use kapi::net::receive::Unfilled;

/// Reads it.
pub fn read(packet: Unfilled<'_>) -> Option<[u8; 20]> {
    packet.first() //~ E0599
}
