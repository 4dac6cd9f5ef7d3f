// SPDX-License-Identifier: GPL-2.0

//! What is done with a packet is for softirq context, in which it came.

use kapi::net::skbuff::SkBuff;

fn send(_: impl Send) {}

/// Has another task do it.
pub fn give_away(packet: SkBuff<'_>) {
    send(packet); //~ E0277
}
