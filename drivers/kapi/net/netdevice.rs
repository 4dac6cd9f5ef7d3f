// SPDX-License-Identifier: GPL-2.0

//! Net devices: anybody's, and layer-3 devices of our own, without a link-layer header and without
//! ARP, point to multipoint by destination address.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

mod base;
mod driver;
mod ethtool;
mod own;
mod qstats;
mod registration;
mod rx_handler;

pub(crate) use base::padded;
pub use base::{Device, DeviceRef};
pub use driver::{Driver, QueueStatistics};
pub use own::{OwnDevice, OwnDeviceRef};
pub use registration::Registration;
