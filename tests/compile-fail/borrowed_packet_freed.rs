// SPDX-License-Identifier: GPL-2.0

//! A packet that is only shown, to select its queue, stays its owner's.

use kapi::net::skbuff::SkBuff;

/// Frees it.
pub fn free(packet: &SkBuff<'_>) {
    packet.consume(); //~ E0507
}
