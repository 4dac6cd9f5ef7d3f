// SPDX-License-Identifier: GPL-2.0

//! Another driver's counters may be of another kind.

use kapi::net::netdevice::Device;

/// Counts a packet.
pub fn count(dev: &Device) {
    dev.count_rx(1500); //~ E0599
}
