// SPDX-License-Identifier: GPL-2.0 OR MIT

//! What both sides of one direction map.

use xenfifo::host;

/// The pages of both ends of one direction.
pub struct Ends {
    pub producer: host::OwnPages,
    pub consumer: host::OwnPages,
}

impl Ends {
    pub fn create(ring_bytes: u32) -> Self {
        Self {
            producer: host::OwnPages::create(ring_bytes, 0, 0).unwrap(),
            consumer: host::OwnPages::create(4096, 0, 0).unwrap(),
        }
    }
}
