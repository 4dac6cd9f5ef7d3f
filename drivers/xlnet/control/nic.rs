// SPDX-License-Identifier: GPL-2.0

//! The NIC that xl0 shortens: which one it is, what its addresses are, and when that changes.

use crate::control::{manager::Kick, router::RouterKick};
use crate::data::{table::Table, uplink::Uplink};
use core::net::{IpAddr, Ipv4Addr};
use kapi::{
    net::{
        arp,
        device::{Device, DeviceRef},
        follow::{Follow, Follower, News},
        nic, Rtnl,
    },
    sync::RcuBox,
};
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::{rcu, Arc, Mutex},
};
use xlnet_protocol::{Addrs, Mac};

/// The NIC. It may come later than the module, go, and come again.
#[pin_data]
pub(crate) struct Nic {
    /// What `nic=` says.
    wanted: Option<&'static str>,
    uplink: Arc<Uplink>,
    /// What the device that is the NIC is called, or was when it went.
    #[pin]
    name: Mutex<Option<CString>>,
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

    /// What the NIC is like now. `None` if it cannot carry traffic, or must see all of it: gone, down, without
    /// carrier or an address that others could use, or with a native XDP program. Process context, RTNL not
    /// held.
    pub(crate) fn state(&self) -> Option<NicState> {
        let rtnl = Rtnl::lock();
        let dev =
            self.uplink.device.locked(&rtnl).filter(|dev| {
                dev.is_running() && dev.has_carrier() && !dev.has_native_xdp(&rtnl)
            })?;
        let mac = Mac::new(dev.mac(&rtnl)?).ok()?;
        let mut addresses = Addrs::new();
        let mut primary = None;
        dev.ipv4_addresses(&rtnl, |address| {
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

    /// Whether `dev` is the one that is waited for. If that was there before, it is what came in its place.
    fn is(&self, dev: &Device, rtnl: &Rtnl) -> bool {
        if self.wanted.is_some_and(|name| dev.is_called(name, rtnl)) {
            return true;
        }
        match &*self.name.lock() {
            Some(before) => dev.name(rtnl) == &**before,
            None => self.wanted.is_none() && dev.is_netfront(),
        }
    }

    fn remember_name(&self, dev: &Device, rtnl: &Rtnl) {
        // Without memory it is known by its former name.
        if let Ok(name) = CString::try_from(dev.name(rtnl)) {
            *self.name.lock() = Some(name);
        }
    }
}

/// Follows the NIC, listens to the ARP there, and tells manager and router of what may have changed.
pub(crate) struct NicFollow {
    nic: Arc<Nic>,
    tap: Pin<KBox<arp::Tap<SightingObserver>>>,
    manager: Kick,
    router: RouterKick,
}

impl NicFollow {
    /// Begins to follow the NIC. The log says which device it is, or that it is not there yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn begin(
        nic: &Arc<Nic>,
        manager: &Kick,
        router: &RouterKick,
        table: &Arc<RcuBox<Table>>,
    ) -> Result<Follower<Self>> {
        let sightings = SightingObserver {
            router: router.clone(),
            table: table.clone(),
        };
        let follow = Self {
            nic: nic.clone(),
            tap: arp::Tap::new(sightings)?,
            manager: manager.clone(),
            router: router.clone(),
        };
        let follower = Follower::new(nic.uplink.device.clone(), follow)?;
        if nic.device().is_none() {
            match nic.wanted {
                Some(name) => pr_info!("nic={name}: no such device yet, waiting for it\n"),
                None => pr_info!("no Xen network device (xen-netfront) yet, waiting for one\n"),
            }
        }
        Ok(follower)
    }
}

impl Follow for NicFollow {
    fn wants(&self, dev: &Device, rtnl: &Rtnl) -> bool {
        self.nic.is(dev, rtnl) && dev.mac(rtnl).is_some()
    }

    fn told(&self, news: News, dev: &Device, rtnl: &Rtnl) {
        let name = dev.name(rtnl);
        match news {
            News::Adopted => {
                self.nic.uplink.set_ifindex(dev.ifindex());
                self.nic.remember_name(dev, rtnl);
                self.tap.listen_on(Some(dev));
                pr_info!("serving {name}\n");
            }
            News::Renamed => {
                self.nic.remember_name(dev, rtnl);
                pr_info!("serving {name}, as the device is called now\n");
            }
            News::Changed => {}
            News::Moved => {
                self.tap.listen_on(None);
                pr_info!("{name} is in another network namespace, waiting for it to come back\n");
            }
            News::Removed => {
                self.tap.listen_on(None);
                pr_info!("{name} is gone, waiting for another one of that name\n");
            }
        }
        self.manager.get().nic_changed();
        self.manager.kick();
        self.router.kick();
    }
}

/// Tells the router what ARP says of the peers' addresses.
struct SightingObserver {
    router: RouterKick,
    table: Arc<RcuBox<Table>>,
}

impl arp::Observer for SightingObserver {
    fn observed(&self, seen: arp::Observation) {
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
