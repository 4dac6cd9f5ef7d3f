// SPDX-License-Identifier: GPL-2.0

//! The NIC that xl0 shortens: which one it is, what its addresses are, and when that changes.

use crate::control::{manager::Kick, router::RouterKick};
use crate::data::{table::Table, uplink::Uplink};
use core::net::{IpAddr, Ipv4Addr};
use kapi::{
    net::{arp, device::DeviceRef, nic},
    sync::RcuBox,
};
use kernel::{
    prelude::*,
    str::CString,
    sync::{rcu, Arc},
};
use xlnet_protocol::{Addrs, Mac};

/// The NIC. It is looked up when it is needed, so that it can go away at any time, and another of its name
/// come in its place.
pub(crate) struct Nic {
    name: CString,
    uplink: Arc<Uplink>,
}

/// What the NIC is like at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct NicState {
    pub(crate) mac: Mac,
    /// As many of its IPv4 addresses as an advert can carry.
    pub(crate) addresses: Addrs,
    /// The first of them, which the kernel would use as source.
    pub(crate) primary: Ipv4Addr,
}

/// Finds the NIC called `name`, or the first netfront device.
///
/// # Errors
///
/// `ENODEV` if there is none, `EINVAL` if it is no Ethernet device; the log says which. `ENOMEM`.
pub(crate) fn find(name: Option<&str>) -> Result<Arc<Nic>> {
    let dev = match name {
        Some(name) => nic::by_name(name).ok_or_else(|| {
            pr_err!("nic={name}: there is no such device\n");
            ENODEV
        })?,
        None => nic::first_netfront().ok_or_else(|| {
            pr_err!("there is no Xen network device (xen-netfront); nic= can name another\n");
            ENODEV
        })?,
    };
    if dev.mac().is_none() {
        pr_err!("nic={:?}: not an Ethernet device\n", dev.name());
        return Err(EINVAL);
    }
    pr_info!("serving {:?}\n", dev.name());
    let nic = Nic {
        name: CString::try_from(dev.name())?,
        uplink: Arc::new(Uplink::new(dev.ifindex()), GFP_KERNEL)?,
    };
    Ok(Arc::new(nic, GFP_KERNEL)?)
}

impl Nic {
    pub(crate) fn ifindex(&self) -> i32 {
        self.uplink.ifindex()
    }

    /// What the data path knows of it.
    pub(crate) fn uplink(&self) -> &Arc<Uplink> {
        &self.uplink
    }

    /// The device, unless it went away. Process context.
    pub(crate) fn device(&self) -> Option<DeviceRef> {
        nic::by_index(self.ifindex()).or_else(|| self.device_in_its_place())
    }

    fn device_in_its_place(&self) -> Option<DeviceRef> {
        let dev = nic::by_name(self.name.to_str().ok()?)?;
        dev.mac()?;
        self.uplink.set(dev.ifindex());
        Some(dev)
    }

    /// What the NIC is like now. `None` if it cannot carry traffic: gone, down, or without an
    /// address that others could use.
    pub(crate) fn state(&self) -> Option<NicState> {
        let dev = self.device().filter(|dev| dev.is_running())?;
        let mac = Mac::new(dev.mac()?).ok()?;
        let mut addresses = Addrs::new();
        let mut primary = None;
        dev.ipv4_addresses(|address| {
            // One that nobody else could use, one given twice, one too many: whoever uses it is
            // reached through the NIC.
            if addresses.push(IpAddr::V4(address)).is_ok() {
                primary = primary.or(Some(address));
            }
        });
        Some(NicState {
            mac,
            addresses,
            primary: primary?,
        })
    }
}

/// Tells manager and router that the NIC, or xl0 itself, may have changed.
pub(crate) struct NicObserver {
    manager: Kick,
    router: RouterKick,
}

impl NicObserver {
    pub(crate) fn new(manager: Kick, router: RouterKick) -> Self {
        Self { manager, router }
    }
}

impl nic::Observer for NicObserver {
    fn changed(&self) {
        self.manager.get().nic_changed();
        self.manager.kick();
        self.router.kick();
    }
}

/// Tells the router what ARP says of the peers' addresses.
pub(crate) struct SightingObserver {
    router: RouterKick,
    table: Arc<RcuBox<Table>>,
    nic: Arc<Nic>,
}

impl SightingObserver {
    pub(crate) fn new(router: RouterKick, table: Arc<RcuBox<Table>>, nic: Arc<Nic>) -> Self {
        Self { router, table, nic }
    }
}

impl arp::Observer for SightingObserver {
    fn observed(&self, seen: arp::Observation) {
        if seen.ifindex != self.nic.ifindex() {
            return;
        }
        let guard = rcu::read_lock();
        let news = self
            .table
            .read(&guard)
            .find(seen.address)
            .is_some_and(|entry| entry.sighting.see(seen.mac));
        if news {
            self.router.kick();
        }
    }
}
