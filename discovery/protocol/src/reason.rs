// SPDX-License-Identifier: GPL-2.0

//! Why a guest meets nobody: each thing by which a channel would go past what dom0 enforces, or reach where
//! dom0 would carry no frame.

use core::fmt;

/// One reason. Formats as the clause that the log gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// dom0's kernel has no such vif: it is gone, or is only coming.
    Absent,
    /// Another domain serves the vif, whose bridges and filters dom0 does not know.
    Elsewhere,
    /// The vif is down, or its guest is not connected to it.
    Down,
    /// The vif's master is no Linux bridge: there is none, or it is Open vSwitch's, a bond, a team.
    NoBridge,
    /// The bridge is down, or the port's spanning tree state is not forwarding.
    NotForwarding,
    /// The port passes only frames of stations that were authorised.
    Locked,
    /// The bridge does not flood to the port, so not every frame gets there.
    NotFlooded,
    /// The bridge filters VLANs, and untagged frames belong to none or do not leave by the port.
    NoVlan,
    /// The bridge has a spanning tree for each VLAN, whose states are not looked at.
    VlanTrees,
    /// The bridge does not filter VLANs, and what the toolstack says of the vif's is not understood.
    VlanSetting,
    /// The toolstack limits the vif's rate.
    Rate,
    /// A queueing discipline on the vif may hold frames back, or has filters.
    Qdisc,
    /// clsact, an ingress discipline or tcx programs are on the vif.
    TrafficControl,
    /// An XDP program is on the vif.
    Xdp,
    /// Netfilter's netdev family has hooks on the vif.
    VifFilter,
    /// Netfilter's bridge family has hooks.
    BridgeFilter,
    /// br_netfilter shows bridged frames to IP or ARP filters.
    IpFilter,
    /// Vifs of the guest or of the bridge are what the administrator bills or watches by.
    Metered,
    /// The administrator does not have the bridge served.
    NotServed,
    /// The administrator excludes the guest.
    Denied,
    /// The administrator switched everything off.
    Off,
    /// The guest's advert was refused.
    BadAdvert,
    /// It advertises a MAC that none of its vifs has.
    ForeignMac,
    /// The MAC it advertises is on another vif too.
    SharedMac,
}

impl Reason {
    /// All there are, in the order in which they are told.
    pub const ALL: [Self; 24] = [
        Self::Absent,
        Self::Elsewhere,
        Self::Down,
        Self::NoBridge,
        Self::NotForwarding,
        Self::Locked,
        Self::NotFlooded,
        Self::NoVlan,
        Self::VlanTrees,
        Self::VlanSetting,
        Self::Rate,
        Self::Qdisc,
        Self::TrafficControl,
        Self::Xdp,
        Self::VifFilter,
        Self::BridgeFilter,
        Self::IpFilter,
        Self::Metered,
        Self::NotServed,
        Self::Denied,
        Self::Off,
        Self::BadAdvert,
        Self::ForeignMac,
        Self::SharedMac,
    ];

    /// What an administrator calls it in an override. `None` for what cannot be overridden: where the
    /// frames would not get to, no channel gets to either.
    pub const fn override_name(self) -> Option<&'static str> {
        match self {
            Self::NotFlooded => Some("not-flooded"),
            Self::Rate => Some("rate"),
            Self::Qdisc => Some("qdisc"),
            Self::TrafficControl => Some("tc"),
            Self::Xdp => Some("xdp"),
            Self::VifFilter => Some("vif-filter"),
            Self::BridgeFilter => Some("bridge-filter"),
            Self::IpFilter => Some("ip-filter"),
            _ => None,
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "dom0 has no such vif",
            Self::Elsewhere => "its vif is served elsewhere (by a driver domain)",
            Self::Down => "its vif is down",
            Self::NoBridge => "its vif is attached to no Linux bridge",
            Self::NotForwarding => "its bridge port does not forward",
            Self::Locked => "its bridge port is locked",
            Self::NotFlooded => "its bridge port is not flooded to",
            Self::NoVlan => "its bridge port has no VLAN for untagged frames",
            Self::VlanTrees => "its bridge has a spanning tree for each VLAN",
            Self::VlanSetting => "the vlan= of its vif is not understood",
            Self::Rate => "its vif has a rate=",
            Self::Qdisc => "a queueing discipline on its vif may hold frames back",
            Self::TrafficControl => "its vif has tc filters or programs",
            Self::Xdp => "its vif has an XDP program",
            Self::VifFilter => "netfilter has hooks on its vif",
            Self::BridgeFilter => "bridged frames meet filters (nftables, ebtables)",
            Self::IpFilter => "bridged frames meet IP filters (br_netfilter)",
            Self::Metered => "its traffic is metered by vif",
            Self::NotServed => "its bridge is not served",
            Self::Denied => "the policy denies it",
            Self::Off => "the policy has xl0 off",
            Self::BadAdvert => "its advert is refused",
            Self::ForeignMac => "it has no vif with the MAC it advertises",
            Self::SharedMac => "the MAC it advertises is on another vif too",
        })
    }
}

/// A set of reasons. Formats as a list of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(u32);

impl Reasons {
    /// No reason.
    pub const NONE: Self = Self(0);

    /// What is wrong with what a guest claims.
    pub const CLAIMS: Self = Self::of(Reason::BadAdvert)
        .with(Reason::ForeignMac)
        .with(Reason::SharedMac);

    /// This one alone.
    pub const fn of(reason: Reason) -> Self {
        Self(reason.bit())
    }

    const fn with(self, reason: Reason) -> Self {
        Self(self.0 | reason.bit())
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds `reason` if `holds`.
    pub fn add(&mut self, reason: Reason, holds: bool) {
        if holds {
            self.0 |= reason.bit();
        }
    }

    /// Whether `reason` is among them.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// These without `others`.
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Those that are in the set, in the order of [`Reason::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL
            .into_iter()
            .filter(move |reason| self.contains(*reason))
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, reason) in self.iter().enumerate() {
            let between = if i == 0 { "" } else { ", " };
            write!(f, "{between}{reason}")?;
        }
        Ok(())
    }
}
