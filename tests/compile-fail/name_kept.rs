// SPDX-License-Identifier: GPL-2.0

//! A device's name may change when RTNL is given back.

use kapi::net::{netdevice::Device, Rtnl};
use kernel::str::CStr;

/// Keeps it.
pub fn name(dev: &Device) -> &CStr {
    let rtnl = Rtnl::lock();
    dev.name(&rtnl) //~ E0515
}
