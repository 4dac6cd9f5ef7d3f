// SPDX-License-Identifier: GPL-2.0

//! How a vif is attached, and whether dom0 carries all frames from and to it as they are.
//!
//! A channel carries what dom0 would have carried, and nothing else. So what dom0's kernel says of a vif,
//! what the toolstack says of it and what looks at all bridged frames is put together here, fact by fact;
//! what cannot be understood is a reason to stay apart like any other.

use crate::error::Field;
use crate::number;
use crate::reason::{Reason, Reasons};

/// What dom0's kernel says of a vif.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The vif is up and its guest connected.
    pub up: bool,
    /// The port, `None` if no Linux bridge is the vif's master.
    pub port: Option<BridgePort>,
    /// A queueing discipline may hold frames back, or has filters.
    pub qdisc: bool,
    /// There is clsact, an ingress discipline or a tcx program.
    pub tc: bool,
    /// There is an XDP program.
    pub xdp: bool,
    /// Netfilter's netdev family has hooks.
    pub netfilter: bool,
}

/// A port of a Linux bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BridgePort {
    /// Interface index of the bridge.
    pub bridge: u32,
    /// The bridge is up and the port's state is forwarding.
    pub forwarding: bool,
    /// No frames pass between the port and other isolated ones.
    pub isolated: bool,
    /// Only frames of authorised stations pass.
    pub locked: bool,
    /// Frames to unknown stations and broadcasts are flooded to it.
    pub flooded: bool,
    /// The bridge has a spanning tree for each VLAN.
    pub vlan_trees: bool,
    /// `None` if the bridge does not filter VLANs.
    pub vlans: Option<PortVlans>,
}

/// What the bridge does with untagged frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortVlans {
    /// The VLAN they belong to when they come in, 0 if they are dropped.
    pub pvid: u16,
    /// Frames of that VLAN leave by the port, and without a tag.
    pub untagged: bool,
}

/// What the toolstack says of a vif.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// It has a `rate=`.
    pub rate: bool,
    /// Its `vlan=`.
    pub vlan: VlanSetting,
}

/// A vif's `vlan=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VlanSetting {
    /// There is none.
    #[default]
    None,
    /// One VLAN, untagged for the guest.
    One(u16),
    /// Something else: trunks, ranges, what a later toolstack may think of.
    Other,
}

impl VlanSetting {
    /// Reads the value of the node.
    pub fn parse(text: &str) -> Self {
        match number::decimal(Field::Vlan, text) {
            Ok(vlan @ 1..=4094) => Self::One(vlan as u16),
            _ => Self::Other,
        }
    }
}

/// What looks at all bridged frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Netfilter's bridge family has hooks.
    pub bridge: bool,
    /// br_netfilter shows bridged frames to IP or ARP filters.
    pub ip: bool,
}

/// What a frame sent to the broadcast address reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Interface index of the bridge the vif is really enslaved to, 0 if there is none.
    pub bridge: u32,
    /// VLAN, 0 if untagged.
    pub vlan: u16,
}

/// How a vif is attached, as far as the others' frames are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Where.
    pub segment: Segment,
    /// It is isolated from other isolated ones.
    pub isolated: bool,
    /// Why it meets nobody; none if it may.
    pub reasons: Reasons,
}

impl Port {
    /// That of a vif which another domain serves.
    pub fn elsewhere() -> Self {
        Self {
            reasons: Reasons::of(Reason::Elsewhere),
            ..Self::default()
        }
    }

    /// Whether what is broadcast from the one reaches the other. Of what another domain serves nobody knows.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        let known = |port: &Self| !port.reasons.contains(Reason::Elsewhere);
        self.segment == other.segment && known(self) && known(other)
    }

    /// Puts together what is known of a vif; `facts` is `None` if dom0's kernel has no such vif.
    pub fn judge(facts: Option<&Facts>, settings: Settings, filters: Filters) -> Self {
        let mut this = Self::default();
        let reasons = &mut this.reasons;
        reasons.add(Reason::Absent, facts.is_none());
        reasons.add(Reason::Rate, settings.rate);
        reasons.add(Reason::BridgeFilter, filters.bridge);
        reasons.add(Reason::IpFilter, filters.ip);
        let Some(facts) = facts else {
            return this;
        };
        reasons.add(Reason::Down, !facts.up);
        reasons.add(Reason::NoBridge, facts.port.is_none());
        reasons.add(Reason::Qdisc, facts.qdisc);
        reasons.add(Reason::TrafficControl, facts.tc);
        reasons.add(Reason::Xdp, facts.xdp);
        reasons.add(Reason::VifFilter, facts.netfilter);
        if let Some(port) = facts.port {
            this.attach(port, settings.vlan);
        }
        this
    }

    fn attach(&mut self, port: BridgePort, setting: VlanSetting) {
        let reasons = &mut self.reasons;
        reasons.add(Reason::NotForwarding, !port.forwarding);
        reasons.add(Reason::Locked, port.locked);
        reasons.add(Reason::NotFlooded, !port.flooded);
        reasons.add(Reason::VlanTrees, port.vlan_trees);
        let vlan = match (port.vlans, setting) {
            // What the bridge does counts, not what it was meant to do.
            (Some(vlans), _) => {
                reasons.add(Reason::NoVlan, vlans.pvid == 0 || !vlans.untagged);
                vlans.pvid
            }
            (None, VlanSetting::None) => 0,
            (None, VlanSetting::One(vlan)) => vlan,
            (None, VlanSetting::Other) => {
                reasons.add(Reason::VlanSetting, true);
                0
            }
        };
        self.isolated = port.isolated;
        self.segment = Segment {
            bridge: port.bridge,
            vlan,
        };
    }
}
