// SPDX-License-Identifier: GPL-2.0

//! Following the NIC: when it comes, changes or goes, and what ARP and Neighbor Discovery say on it, manager and
//! router are told.

use crate::control::{manager::Kick, nic::Nic, router::RouterKick};
use crate::data::table::Table;
use core::net::IpAddr;
use kapi::{
    errno::EAFNOSUPPORT,
    net::{
        arp,
        follow::{Follow, Follower, News},
        inet6, ndp, neighbour,
        netdevice::Device,
        Rtnl,
    },
    sync::RcuBox,
};
use kernel::{
    prelude::*,
    sync::{rcu, Arc},
};
use xlnet_protocol::{NdpClaim, NdpMessage};

/// Follows the NIC, listens to ARP and Neighbor Discovery there, and tells manager and router of what may have changed.
pub(crate) struct NicFollow {
    nic: Arc<Nic>,
    tap: Pin<KBox<arp::Tap<SightingObserver>>>,
    _ndp: Option<Pin<KBox<ndp::Tap<SightingObserver>>>>,
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
            nic: nic.clone(),
            router: router.clone(),
            table: table.clone(),
        };
        let ndp = match ndp::Tap::new(sightings.clone()) {
            Ok(tap) => Some(tap),
            // The kernel was booted without IPv6.
            Err(EAFNOSUPPORT) => None,
            Err(error) => return Err(error),
        };
        let follow = Self {
            nic: nic.clone(),
            tap: arp::Tap::new(sightings)?,
            _ndp: ndp,
            manager: manager.clone(),
            router: router.clone(),
        };
        let follower = Follower::new(nic.uplink().device.clone(), follow)?;
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
                self.nic.uplink().set_ifindex(dev.ifindex());
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
            News::Dropped => self.tap.listen_on(None),
        }
        self.manager.get().nic_changed();
        self.manager.kick();
        self.router.kick();
    }
}

/// Tells manager and router that the NIC's IPv6 addresses changed.
pub(crate) struct Ipv6Observer {
    nic: Arc<Nic>,
    manager: Kick,
    router: RouterKick,
}

impl Ipv6Observer {
    pub(crate) fn new(nic: &Arc<Nic>, manager: &Kick, router: &RouterKick) -> Self {
        Self {
            nic: nic.clone(),
            manager: manager.clone(),
            router: router.clone(),
        }
    }
}

impl inet6::Observer for Ipv6Observer {
    fn changed(&self, ifindex: i32) {
        // Indexes are each namespace's own, so it may be another device's: then nothing is found changed.
        if ifindex == self.nic.ifindex() {
            self.manager.get().nic_changed();
            self.manager.kick();
            self.router.kick();
        }
    }
}

/// Tells the router what the link says of the peers' addresses.
#[derive(Clone)]
struct SightingObserver {
    nic: Arc<Nic>,
    router: RouterKick,
    table: Arc<RcuBox<Table>>,
}

impl SightingObserver {
    fn see(&self, address: IpAddr, mac: [u8; 6], overrides: bool) {
        let guard = rcu::read_lock();
        let news = self
            .table
            .read(&guard)
            .find(address)
            .is_some_and(|entry| entry.sighting.see(mac, overrides));
        if news {
            self.router.kick();
        }
    }
}

impl arp::Observer for SightingObserver {
    fn observed(&self, seen: arp::Observation) {
        self.see(IpAddr::V4(seen.address), seen.mac, true);
    }
}

impl ndp::Observer for SightingObserver {
    fn observed(&self, message: &ndp::Message<'_>) {
        if message.ifindex != self.nic.ifindex() {
            return;
        }
        let claim = NdpClaim::read(&NdpMessage {
            source: message.source,
            destination: message.destination,
            hop_limit: message.hop_limit,
            sender: message.sender,
            bytes: message.bytes,
        });
        if let Some(claim) = claim {
            self.see(IpAddr::V6(claim.address), claim.mac, claim.overrides);
        }
    }
}

/// Tells the manager that the NIC's neighbours changed.
pub(crate) struct NeighbourObserver {
    nic: Arc<Nic>,
    manager: Kick,
}

impl NeighbourObserver {
    pub(crate) fn new(nic: &Arc<Nic>, manager: &Kick) -> Self {
        Self {
            nic: nic.clone(),
            manager: manager.clone(),
        }
    }
}

impl neighbour::Observer for NeighbourObserver {
    fn in_use(&self, ifindex: i32) {
        if ifindex == self.nic.ifindex() && self.manager.get().neighbours_changed() {
            self.manager.kick();
        }
    }
}
