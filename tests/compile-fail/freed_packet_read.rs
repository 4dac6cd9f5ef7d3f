// SPDX-License-Identifier: GPL-2.0

//! A packet that is gone is not looked at.

use kapi::net::skbuff::SkBuff;

/// Looks at it.
pub fn look(packet: SkBuff<'_>) -> u32 {
    packet.consume();
    packet.len() //~ E0382
}
