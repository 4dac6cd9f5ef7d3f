// SPDX-License-Identifier: GPL-2.0

//! The pages of a packet that is sent may be anybody's: it is not written to.

use kapi::net::{receive::Source, skbuff::SkBuff};

/// Fills it.
pub fn fill(packet: SkBuff<'_>, source: &impl Source) {
    packet.fill(source); //~ E0599
}
