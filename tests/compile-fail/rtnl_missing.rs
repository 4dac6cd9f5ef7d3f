// SPDX-License-Identifier: GPL-2.0

//! A device's address changes with RTNL held.

use kapi::net::netdevice::Device;

/// Reads it without.
pub fn mac(dev: &Device) -> Option<[u8; 6]> {
    dev.mac() //~ E0061
}
