// SPDX-License-Identifier: GPL-2.0

//! What was checked is not changed any more.

use kapi::net::receive::{Received, Source};

/// Fills it once more.
pub fn fill(packet: Received<'_>, source: &impl Source) {
    packet.fill(source); //~ E0599
}
