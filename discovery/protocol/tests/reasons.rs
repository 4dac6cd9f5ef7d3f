// SPDX-License-Identifier: GPL-2.0

//! Each reason for which a guest meets nobody can be reached, alone, and is told in words of its own.

#[path = "roster/evaluate.rs"]
mod evaluate;
mod plain;

use std::collections::BTreeSet;

use xlnet_protocol::port::{BridgePort, Facts, Filters, Port, PortVlans, Settings, VlanSetting};
use xlnet_protocol::roster::{BridgeWish, Guest, GuestWish, Policy, Vif};
use xlnet_protocol::{
    Addrs, Advert, DomId, Field, Kind, Mac, Reason, Reasons, SchemaError, Version,
};

use evaluate::evaluate;

/// All that is known of a guest with one vif, which meets others as it is.
struct Host {
    advert: Result<Advert, SchemaError>,
    wish: GuestWish,
    facts: Option<Facts>,
    port: Option<BridgePort>,
    settings: Settings,
    filters: Filters,
    served_elsewhere: bool,
    shared: bool,
    off: bool,
    bridge: BridgeWish,
}

impl Host {
    fn plain() -> Self {
        Self {
            advert: Ok(Advert {
                version: Version::Two,
                features: 0,
                instance: 1,
                mac: mac(1),
                addrs: Addrs::new(),
            }),
            wish: GuestWish::default(),
            facts: Some(plain::FACTS),
            port: Some(plain::PORT),
            settings: Settings::default(),
            filters: Filters::default(),
            served_elsewhere: false,
            shared: false,
            off: false,
            bridge: BridgeWish::default(),
        }
    }

    /// The host on which this is the one thing to be said against the guest.
    fn with(reason: Reason) -> Self {
        let mut this = Self::plain();
        let (Some(facts), Some(port)) = (&mut this.facts, &mut this.port) else {
            unreachable!()
        };
        match reason {
            Reason::Absent => this.facts = None,
            Reason::Elsewhere => this.served_elsewhere = true,
            Reason::Down => facts.up = false,
            Reason::NoBridge => this.port = None,
            Reason::NotForwarding => port.forwarding = false,
            Reason::Locked => port.locked = true,
            Reason::NotFlooded => port.flooded = false,
            Reason::NoVlan => {
                port.vlans = Some(PortVlans {
                    pvid: 5,
                    untagged: false,
                });
            }
            Reason::VlanTrees => port.vlan_trees = true,
            Reason::VlanSetting => this.settings.vlan = VlanSetting::Other,
            Reason::Rate => this.settings.rate = true,
            Reason::Qdisc => facts.qdisc = true,
            Reason::TrafficControl => facts.tc = true,
            Reason::Xdp => facts.xdp = true,
            Reason::VifFilter => facts.netfilter = true,
            Reason::BridgeFilter => this.filters.bridge = true,
            Reason::IpFilter => this.filters.ip = true,
            Reason::Metered => this.wish.metered = true,
            Reason::NotServed => this.bridge.ignored = true,
            Reason::Denied => this.wish.denied = true,
            Reason::Off => this.off = true,
            Reason::BadAdvert => this.advert = Err(error()),
            Reason::ForeignMac => this.advert.as_mut().unwrap().mac = mac(9),
            Reason::SharedMac => this.shared = true,
        }
        this
    }

    fn reasons(&self) -> Reasons {
        let facts = self.facts.map(|facts| Facts {
            port: self.port,
            ..facts
        });
        let port = if self.served_elsewhere {
            Port::elsewhere()
        } else {
            Port::judge(facts.as_ref(), self.settings, self.filters)
        };
        let vif = |guest| Vif {
            guest,
            stub_of: None,
            mac: mac(1),
            port,
            permitted: None,
        };
        let [one, other] = [1, 2].map(|id| DomId::new(id).unwrap());
        let mut vifs = vec![vif(one)];
        vifs.extend(self.shared.then_some(vif(other)));
        let mut guests = [Guest::new(one, Some(self.advert), self.wish)];
        let policy = Policy {
            off: self.off,
            bridges: &[(3, self.bridge)],
            others: BridgeWish::default(),
        };
        evaluate(&mut guests, &mut vifs, &policy, &mut |_| ());
        let [guest] = guests;
        assert_eq!(guest.vouched().is_none(), !guest.reasons().is_empty());
        guest.reasons()
    }
}

fn mac(last: u8) -> Mac {
    Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap()
}

fn error() -> SchemaError {
    SchemaError {
        field: Field::Mac,
        kind: Kind::Syntax,
    }
}

#[test]
fn a_plain_guest_has_none() {
    assert_eq!(Host::plain().reasons(), Reasons::NONE);
}

#[test]
fn each_is_reached_alone() {
    for reason in Reason::ALL {
        let reasons = Host::with(reason).reasons();
        assert!(reasons.iter().eq([reason]), "{reason}: told {reasons}");
    }
}

#[test]
fn each_has_words_of_its_own() {
    let words = Reason::ALL.map(|reason| Reasons::of(reason).to_string());
    for (reason, words) in Reason::ALL.iter().zip(&words) {
        assert_eq!(*words, reason.to_string());
    }
    let different: BTreeSet<_> = words.iter().collect();
    assert_eq!(different.len(), Reason::ALL.len());
}

#[test]
fn what_is_wrong_with_claims_has_a_warning_and_is_no_line_beside_it() {
    for reason in Reason::ALL {
        let claim = matches!(
            reason,
            Reason::BadAdvert | Reason::ForeignMac | Reason::SharedMac
        );
        let left = Reasons::of(reason).without(Reasons::CLAIMS);
        assert_eq!(left.is_empty(), claim, "{reason}");
    }
}
