// SPDX-License-Identifier: GPL-2.0

//! From what dom0's kernel and toolstack say of two vifs to whether their guests meet: measured against a
//! model of a host that says what would become of a frame.

#[path = "roster/evaluate.rs"]
mod evaluate;
mod plain;

use proptest::prelude::*;
use xlnet_protocol::port::{BridgePort, Facts, Filters, Port, PortVlans, Settings, VlanSetting};
use xlnet_protocol::roster::{introduction, Guest, GuestWish, Policy, Vif};
use xlnet_protocol::{Addrs, Advert, DomId, Mac, Reason, Version};

use evaluate::evaluate;

/// One vif: what the kernel says, if it has it, and what the toolstack says.
type World = ([(Option<Facts>, Settings); 2], Filters);

const PLAIN: Facts = Facts {
    port: Some(plain::PORT),
    ..plain::FACTS
};

fn plain() -> World {
    ([(Some(PLAIN), Settings::default()); 2], Filters::default())
}

/// Whether the two guests of the world are introduced to each other.
fn meet(world: &World) -> bool {
    let (sides, filters) = world;
    let ids = [1, 2].map(|id| DomId::new(id).unwrap());
    let macs = [1, 2].map(|last| Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap());
    let mut vifs = [0, 1].map(|i| Vif {
        guest: ids[i],
        stub_of: None,
        mac: macs[i],
        port: Port::judge(sides[i].0.as_ref(), sides[i].1, *filters),
        permitted: None,
    });
    let mut guests = [0, 1].map(|i| {
        let advert = Advert {
            version: Version::Two,
            features: 0,
            instance: 1,
            mac: macs[i],
            addrs: Addrs::new(),
        };
        Guest::new(ids[i], Some(Ok(advert)), GuestWish::default())
    });
    evaluate(&mut guests, &mut vifs, &Policy::default(), &mut |_| ());
    let there = introduction(&guests[0], &guests[1]).is_ok();
    assert_eq!(there, introduction(&guests[1], &guests[0]).is_ok());
    there
}

/// What becomes of an untagged frame from one vif to the other: whether it arrives untagged, late by
/// nothing, and seen by nobody.
fn carried(
    from: &(Option<Facts>, Settings),
    to: &(Option<Facts>, Settings),
    filters: Filters,
) -> bool {
    let ((Some(from), from_settings), (Some(to), to_settings)) = (from, to) else {
        return false;
    };
    // The two ends are alike: what is on a vif may concern what it sends or what it receives.
    let touched = |facts: &Facts, settings: &Settings| {
        facts.qdisc || facts.tc || facts.xdp || facts.netfilter || settings.rate
    };
    if touched(from, from_settings) || touched(to, to_settings) || filters.bridge || filters.ip {
        return false;
    }
    let (Some(ingress), Some(egress)) = (from.port, to.port) else {
        return false;
    };
    let passes = |facts: &Facts, port: &BridgePort| {
        facts.up && port.forwarding && !port.locked && port.flooded && !port.vlan_trees
    };
    if !passes(from, &ingress) || !passes(to, &egress) || ingress.bridge != egress.bridge {
        return false;
    }
    if ingress.isolated && egress.isolated {
        return false;
    }
    match (ingress.vlans, egress.vlans) {
        (Some(ingress), Some(egress)) => {
            ingress.pvid != 0 && ingress.pvid == egress.pvid && egress.untagged
        }
        (None, None) => match (from_settings.vlan, to_settings.vlan) {
            (VlanSetting::None, VlanSetting::None) => true,
            (VlanSetting::One(from), VlanSetting::One(to)) => from == to,
            _ => false,
        },
        // A bridge filters for all of its ports or for none.
        _ => unreachable!(),
    }
}

fn any_world() -> impl Strategy<Value = World> {
    // One thing in so many is out of the ordinary, so that many pairs meet and many do not.
    let odd = || proptest::bool::weighted(0.03);
    let vlans = (0u16..3, proptest::bool::weighted(0.9))
        .prop_map(|(pvid, untagged)| PortVlans { pvid, untagged });
    let port = (0u32..2, odd(), any::<bool>(), odd(), odd(), odd(), vlans).prop_map(
        |(bridge, still, isolated, locked, unflooded, vlan_trees, vlans)| BridgePort {
            bridge: 3 + bridge,
            forwarding: !still,
            isolated,
            locked,
            flooded: !unflooded,
            vlan_trees,
            vlans: Some(vlans),
        },
    );
    let facts = (
        odd(),
        proptest::option::weighted(0.95, port),
        odd(),
        odd(),
        odd(),
        odd(),
    )
        .prop_map(|(down, port, qdisc, tc, xdp, netfilter)| Facts {
            up: !down,
            port,
            qdisc,
            tc,
            xdp,
            netfilter,
        });
    let vlan = prop_oneof![
        4 => Just(VlanSetting::None),
        2 => (1u16..3).prop_map(VlanSetting::One),
        1 => Just(VlanSetting::Other),
    ];
    let settings = (odd(), vlan).prop_map(|(rate, vlan)| Settings { rate, vlan });
    let side = (proptest::option::weighted(0.97, facts), settings);
    (
        side.clone(),
        side,
        odd(),
        odd(),
        [any::<bool>(), any::<bool>()],
    )
        .prop_map(|(a, b, bridge, ip, filtering)| {
            let mut sides = [a, b];
            // By bridge, whether it filters VLANs.
            for (facts, _) in &mut sides {
                let port = facts.as_mut().and_then(|facts| facts.port.as_mut());
                if let Some(port) = port.filter(|port| !filtering[port.bridge as usize - 3]) {
                    port.vlans = None;
                }
            }
            (sides, Filters { bridge, ip })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// In any world, guests meet exactly if dom0 carries the frames between them.
    #[test]
    fn guests_meet_only_where_frames_are_carried(world in any_world()) {
        let (sides, filters) = &world;
        let carried = carried(&sides[0], &sides[1], *filters) && carried(&sides[1], &sides[0], *filters);
        prop_assert_eq!(meet(&world), carried);
    }
}

/// A change of one vif, and the reason it is to be told by.
type Change = (Reason, fn(&mut Facts, &mut Settings));

const CHANGES: [Change; 13] = [
    (Reason::Down, |facts, _| facts.up = false),
    (Reason::NoBridge, |facts, _| facts.port = None),
    (Reason::NotForwarding, |facts, _| {
        port(facts).forwarding = false
    }),
    (Reason::Locked, |facts, _| port(facts).locked = true),
    (Reason::NotFlooded, |facts, _| port(facts).flooded = false),
    (Reason::VlanTrees, |facts, _| port(facts).vlan_trees = true),
    (Reason::NoVlan, |facts, _| {
        port(facts).vlans = Some(PortVlans {
            pvid: 0,
            untagged: true,
        })
    }),
    (Reason::VlanSetting, |_, settings| {
        settings.vlan = VlanSetting::Other
    }),
    (Reason::Rate, |_, settings| settings.rate = true),
    (Reason::Qdisc, |facts, _| facts.qdisc = true),
    (Reason::TrafficControl, |facts, _| facts.tc = true),
    (Reason::Xdp, |facts, _| facts.xdp = true),
    (Reason::VifFilter, |facts, _| facts.netfilter = true),
];

fn port(facts: &mut Facts) -> &mut BridgePort {
    facts.port.as_mut().unwrap()
}

#[test]
fn each_fact_alone_parts_and_is_told_as_what_it_is() {
    assert!(meet(&plain()));
    for side in [0, 1] {
        for (reason, change) in CHANGES {
            let mut world = plain();
            let (facts, settings) = &mut world.0[side];
            change(facts.as_mut().unwrap(), settings);
            assert!(!meet(&world), "{reason}");
            let (facts, settings) = world.0[side];
            let judged = Port::judge(facts.as_ref(), settings, world.1);
            assert!(
                judged.reasons.iter().eq([reason]),
                "{reason}: {}",
                judged.reasons
            );
        }
    }
    for (reason, filters) in [
        (
            Reason::BridgeFilter,
            Filters {
                bridge: true,
                ip: false,
            },
        ),
        (
            Reason::IpFilter,
            Filters {
                bridge: false,
                ip: true,
            },
        ),
    ] {
        let world = (plain().0, filters);
        assert!(!meet(&world), "{reason}");
        let judged = Port::judge(Some(&PLAIN), Settings::default(), filters);
        assert!(judged.reasons.iter().eq([reason]));
    }
    let gone = Port::judge(None, Settings::default(), Filters::default());
    assert!(gone.reasons.iter().eq([Reason::Absent]));
}

#[test]
fn what_the_bridge_does_with_vlans_counts() {
    let filtering = |pvid, untagged| {
        let mut facts = PLAIN;
        port(&mut facts).vlans = Some(PortVlans { pvid, untagged });
        facts
    };
    // The toolstack's word counts for nothing then.
    let settings = Settings {
        vlan: VlanSetting::Other,
        ..Settings::default()
    };
    let world = |a, b| {
        (
            [(Some(a), settings), (Some(b), settings)],
            Filters::default(),
        )
    };
    assert!(meet(&world(filtering(5, true), filtering(5, true))));
    assert!(!meet(&world(filtering(5, true), filtering(6, true))));
    assert!(!meet(&world(filtering(5, true), filtering(5, false))));
}

#[test]
fn a_vlan_is_one_number_or_not_understood() {
    for (text, vlan) in [("1", 1), ("10", 10), ("4094", 4094)] {
        assert_eq!(VlanSetting::parse(text), VlanSetting::One(vlan));
    }
    for text in [
        "", "0", "4095", "65546", "10p/20", "10,20", "10-20", "010", "+10", " 10", "ten",
    ] {
        assert_eq!(VlanSetting::parse(text), VlanSetting::Other, "{text}");
    }
}

#[test]
fn reasons_are_listed_in_words() {
    let mut facts = PLAIN;
    facts.up = false;
    facts.xdp = true;
    let judged = Port::judge(Some(&facts), Settings::default(), Filters::default());
    assert_eq!(
        judged.reasons.to_string(),
        "its vif is down, its vif has an XDP program"
    );
}
