// SPDX-License-Identifier: GPL-2.0

//! The NIC that xl0 shortens: which one it is, and what its addresses are.

use crate::data::uplink::Uplink;
use core::net::IpAddr;
use kapi::net::{
    netdevice::{Device, DeviceRef},
    nic,
    rtnetlink::DeviceName,
    Rtnl,
};
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::{Arc, Mutex},
};
use xlnet_protocol::{Addrs, Mac, MAX_ADDRS};

/// The NIC. It may come later than the module, go, and come again.
#[pin_data]
pub(crate) struct Nic {
    /// What `nic=` says.
    pub(crate) wanted: Option<&'static str>,
    uplink: Arc<Uplink>,
    /// What the device that is the NIC is called, or was when it went.
    #[pin]
    name: Mutex<Option<CString>>,
}

/// What the NIC is like at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct NicState {
    pub(crate) mac: Mac,
    /// As many of its addresses as an advert can carry, IPv4 before IPv6.
    pub(crate) addresses: Addrs,
    pub(crate) mtu: u32,
}

/// What was found when the NIC was looked at.
pub(crate) struct Look {
    /// What it is like. `None` if it cannot carry traffic, or must see all of it: gone, down, without carrier or an
    /// address that others could use, or with a native XDP program.
    pub(crate) state: Option<NicState>,
    /// Whether the link is being asked for one of its addresses, which may be usable soon without anybody telling.
    pub(crate) settling: bool,
}

impl NicState {
    /// The first of its addresses of the same family.
    pub(crate) fn first_like(&self, address: IpAddr) -> Option<IpAddr> {
        let mut addresses = self.addresses.iter();
        addresses.find(|own| own.is_ipv4() == address.is_ipv4())
    }
}

impl Nic {
    /// The NIC called `wanted`, or the first netfront device, whenever that is there.
    ///
    /// # Errors
    ///
    /// `EINVAL` if no device can have that name, or one has it that is no Ethernet device; the log says so.
    /// `ENOMEM`.
    pub(crate) fn new(wanted: Option<&'static str>) -> Result<Arc<Self>> {
        if let Some(name) = wanted {
            if !nic::is_valid_name(name) {
                pr_err!("nic={name}: no device can have this name\n");
                return Err(EINVAL);
            }
            if nic::by_name(name).is_some_and(|dev| dev.mac(&Rtnl::lock()).is_none()) {
                pr_err!("nic={name}: not an Ethernet device\n");
                return Err(EINVAL);
            }
        }
        Arc::pin_init(
            pin_init!(Self {
                wanted,
                uplink: Arc::new(Uplink::new()?, GFP_KERNEL)?,
                name <- new_mutex!(None),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// The index of the device that is the NIC, or was it last; 0 if there was none yet.
    pub(crate) fn ifindex(&self) -> i32 {
        self.uplink.ifindex()
    }

    /// What the data path knows of it.
    pub(crate) fn uplink(&self) -> &Arc<Uplink> {
        &self.uplink
    }

    /// The device, if it is there. It cannot go while the result is held: not to be kept while XenStore is
    /// waited for.
    pub(crate) fn device(&self) -> Option<DeviceRef> {
        self.uplink.device.counted()
    }

    /// Looks what the NIC is like now. Process context, RTNL not held.
    pub(crate) fn look(&self) -> Look {
        let mut look = Look {
            state: None,
            settling: false,
        };
        let rtnl = Rtnl::lock();
        let usable = self
            .uplink
            .device
            .locked(&rtnl)
            .filter(|dev| dev.is_running() && dev.has_carrier() && !dev.has_native_xdp(&rtnl));
        let Some(dev) = usable else {
            return look;
        };
        let Some(mac) = dev.mac(&rtnl).and_then(|mac| Mac::new(mac).ok()) else {
            return look;
        };
        let state = look.state.insert(NicState {
            mac,
            addresses: Addrs::new(),
            mtu: dev.mtu(),
        });
        dev.ipv4_addresses(&rtnl, |address| {
            // One that nobody else could use, one given twice, one too many: whoever uses it is
            // reached through the NIC.
            let _ = state.addresses.push(IpAddr::V4(address));
        });
        let ipv6 = dev.ipv6_addresses::<MAX_ADDRS>(&rtnl);
        look.settling = ipv6.pending;
        for address in ipv6.iter() {
            // As above.
            let _ = state.addresses.push(IpAddr::V6(address));
        }
        if state.addresses.is_empty() {
            look.state = None;
        }
        look
    }

    /// What the device that is the NIC is called, or was when it went.
    pub(crate) fn name(&self) -> Option<DeviceName> {
        self.name.lock().as_deref().and_then(DeviceName::new)
    }

    /// Whether `dev` is the one that is waited for. If that was there before, it is what came in its place.
    pub(crate) fn is(&self, dev: &Device, rtnl: &Rtnl) -> bool {
        if self.wanted.is_some_and(|name| dev.is_called(name, rtnl)) {
            return true;
        }
        match &*self.name.lock() {
            Some(before) => dev.name(rtnl) == &**before,
            None => self.wanted.is_none() && dev.is_netfront(rtnl),
        }
    }

    /// The device is the NIC, and has this name now.
    pub(crate) fn remember_name(&self, dev: &Device, rtnl: &Rtnl) {
        // Without memory it is known by its former name.
        if let Ok(name) = CString::try_from(dev.name(rtnl)) {
            *self.name.lock() = Some(name);
        }
    }
}
