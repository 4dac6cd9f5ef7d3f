// SPDX-License-Identifier: GPL-2.0

//! Another driver's queues are its own.

use kapi::net::netdevice::Device;

/// Stops one.
pub fn stop(dev: &Device) {
    dev.stop_queue(0); //~ E0599
}
