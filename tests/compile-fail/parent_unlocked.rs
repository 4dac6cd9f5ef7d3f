// SPDX-License-Identifier: GPL-2.0

//! What a device hangs off goes once the device is unregistered, which needs RTNL.

use kapi::net::netdevice::{Device, DeviceRef};

/// Looks at it without, of a device that is only counted.
pub fn is_netfront(dev: &DeviceRef) -> bool {
    Device::is_netfront(dev) //~ E0061
}
