// SPDX-License-Identifier: GPL-2.0

//! The guests' vifs: what the toolstack says of them in XenStore, and what dom0's kernel has made of it.

use kapi::{net::bridge, xen::xenbus};
use kernel::prelude::*;
use xlnet_protocol::{
    port::{BridgePort, Facts, Filters, Port, PortVlans, Settings, VlanSetting},
    roster::Vif,
    Addrs, DomId, Mac,
};

/// Where the toolstack describes the vifs that dom0 serves.
pub(crate) const BACKENDS: &str = "/local/domain/0/backend/vif";

/// Whose vif it is about that something below [`BACKENDS`] changed; `None` if it may be anybody's.
pub(crate) fn owner(path: &str) -> Option<DomId> {
    let guest = path.strip_prefix(BACKENDS)?.strip_prefix('/')?.split('/');
    guest.map(DomId::parse).next()?.ok()
}

/// What the toolstack says of a vif.
pub(crate) struct Described {
    stub_of: Option<DomId>,
    mac: Mac,
    /// `None` if another domain serves it.
    served: Option<Served>,
}

/// What it says of one that dom0 serves.
struct Served {
    handle: u32,
    permitted: Option<Addrs>,
    settings: Settings,
}

impl Described {
    pub(crate) fn mac(&self) -> Mac {
        self.mac
    }
}

/// Reads what the toolstack says of the vifs of a guest. Those that are not complete are left out.
///
/// # Errors
///
/// XenStore's, `ENOMEM`.
pub(crate) fn read(guest: DomId) -> Result<KVec<Described>> {
    let mut vifs = KVec::new();
    let stub_of = target(guest)?;
    let guest = guest.raw();
    read_served(guest, stub_of, &mut vifs)?;
    read_elsewhere(guest, stub_of, &mut vifs)?;
    Ok(vifs)
}

fn read_served(guest: u16, stub_of: Option<DomId>, vifs: &mut KVec<Described>) -> Result {
    let Some(handles) = xenbus::directory(fmt!("{BACKENDS}/{guest}"))? else {
        return Ok(());
    };
    for handle in handles.iter() {
        let Ok(number) = handle.parse() else {
            continue;
        };
        let node = |name: &str| xenbus::read(fmt!("{BACKENDS}/{guest}/{handle}/{name}"));
        let Some(mac) = node("mac")?.and_then(|mac| Mac::parse(&mac).ok()) else {
            continue;
        };
        let vlan = node("vlan")?;
        let served = Served {
            handle: number,
            permitted: node("ip")?.and_then(|text| Addrs::parse_restriction(&text)),
            settings: Settings {
                rate: node("rate")?.is_some(),
                vlan: vlan.map_or(VlanSetting::None, |vlan| VlanSetting::parse(&vlan)),
            },
        };
        let described = Described {
            stub_of,
            mac,
            served: Some(served),
        };
        vifs.push(described, GFP_KERNEL)?;
    }
    Ok(())
}

/// Those that other domains serve are described there, where dom0 has no watch, and in the guest's own part.
/// It can change what that says, but not by one vif more: with a lie it excludes nobody but itself.
fn read_elsewhere(guest: u16, stub_of: Option<DomId>, vifs: &mut KVec<Described>) -> Result {
    let Some(handles) = xenbus::directory(fmt!("/local/domain/{guest}/device/vif"))? else {
        return Ok(());
    };
    for handle in handles.iter() {
        let node = |name: &str| {
            xenbus::read_claim(fmt!("/local/domain/{guest}/device/vif/{handle}/{name}"))
        };
        if node("backend-id")?.is_none_or(|domain| &*domain == "0") {
            continue;
        }
        if let Some(mac) = node("mac")?.and_then(|mac| Mac::parse(&mac).ok()) {
            let described = Described {
                stub_of,
                mac,
                served: None,
            };
            vifs.push(described, GFP_KERNEL)?;
        }
    }
    Ok(())
}

/// Whose device model a domain is, if it is a stub domain. The toolstack says so before it gives it vifs.
fn target(domain: DomId) -> Result<Option<DomId>> {
    let target = xenbus::read(fmt!("/local/domain/{}/target", domain.raw()))?;
    Ok(target.and_then(|target| DomId::parse(&target).ok()))
}

/// What dom0's kernel has and does now.
pub(crate) struct Survey {
    /// By guest and handle, in their order.
    vifs: KVec<Surveyed>,
    filters: Filters,
}

/// A vif's guest and handle, and what the kernel says of it.
type Surveyed = ((u32, u32), Facts);

impl Survey {
    /// Looks. nftables' rules that bridged frames meet by br_netfilter are passed over if they are `cleared`.
    /// Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn take(cleared: bool) -> Result<Self> {
        let mut vifs = KVec::new();
        let mut result = Ok(());
        bridge::vifs(|vif| {
            let inserted = insert(&mut vifs, (vif.guest, vif.handle), facts(&vif));
            result = result.and(inserted);
        });
        result?;
        let mut filters = Filters::default();
        bridge::filters(|found| {
            filters = Filters {
                bridge: found.bridge,
                ip: found.ip || (found.nftables && !cleared),
            }
        });
        Ok(Self { vifs, filters })
    }

    /// Whether another one found the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        *self.vifs == *other.vifs && self.filters == other.filters
    }

    /// A guest's vif, as the toolstack describes it and as it is attached.
    pub(crate) fn vif(&self, guest: DomId, described: &Described) -> Vif {
        let port = |served: &Served| {
            let key = (u32::from(guest.raw()), served.handle);
            let found = self.vifs.binary_search_by_key(&key, |(vif, _)| *vif);
            let facts = found.ok().and_then(|i| self.vifs.get(i));
            Port::judge(facts.map(|(_, facts)| facts), served.settings, self.filters)
        };
        let served = described.served.as_ref();
        Vif {
            guest,
            stub_of: described.stub_of,
            mac: described.mac,
            port: served.map_or_else(Port::elsewhere, port),
            permitted: served.and_then(|served| served.permitted),
        }
    }
}

/// Puts a vif into its place among the others.
fn insert(vifs: &mut KVec<Surveyed>, key: (u32, u32), facts: Facts) -> Result {
    let place = vifs.partition_point(|(other, _)| *other < key);
    vifs.reserve(1, GFP_KERNEL)?;
    vifs.insert_within_capacity(place, (key, facts))
        .map_err(|_| ENOMEM)
}

fn facts(vif: &bridge::Vif) -> Facts {
    let port = vif.port.map(|port| BridgePort {
        bridge: port.bridge,
        forwarding: port.forwarding,
        isolated: port.isolated,
        locked: port.locked,
        flooded: port.flooded,
        vlan_trees: port.vlan_trees,
        vlans: port.vlans.map(|vlans| PortVlans {
            pvid: vlans.pvid,
            untagged: vlans.untagged,
        }),
    });
    Facts {
        up: vif.up,
        port,
        qdisc: vif.qdisc,
        tc: vif.tc,
        xdp: vif.xdp,
        netfilter: vif.netfilter,
    }
}
