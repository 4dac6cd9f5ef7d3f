// SPDX-License-Identifier: GPL-2.0

//! What holds of any guests.

use proptest::prelude::*;
use xlnet_protocol::port::Segment;
use xlnet_protocol::roster::{introduction, Policy};
use xlnet_protocol::{Addrs, Advert, Field, Kind, Reason, SchemaError, Version};

use crate::host::{all, claiming, domid, evaluate, mac, vif, Guest};

/// A small world, so that everything collides: few MACs, addresses and bridges.
fn any_guest(id: u16) -> impl Strategy<Value = Guest> {
    let addrs = proptest::collection::btree_set(1u8..6, 0..4).prop_map(|last| {
        let words: Vec<_> = last.iter().map(|last| format!("10.0.0.{last}")).collect();
        Addrs::parse(&words.join(" ")).unwrap()
    });
    let reasons = prop_oneof![
        4 => Just(None),
        1 => proptest::sample::select(Reason::ALL.to_vec()).prop_map(Some),
    ];
    let restriction = proptest::option::of(addrs.clone());
    let vif = (
        1u8..6,
        0u32..3,
        0u16..2,
        any::<bool>(),
        reasons,
        restriction,
    )
        .prop_map(|(last, bridge, vlan, isolated, reason, permitted)| {
            let mut nic = vif(mac(last), Segment { bridge, vlan });
            nic.port.isolated = isolated;
            if let Some(reason) = reason {
                nic.port.reasons.add(reason, true);
            }
            nic.permitted = permitted;
            nic
        });
    let advert = (1u8..6, addrs, any::<u64>()).prop_map(|(last, addrs, instance)| Advert {
        version: Version::Two,
        features: 0,
        instance,
        mac: mac(last),
        addrs,
    });
    let error = SchemaError {
        field: Field::Mac,
        kind: Kind::Syntax,
    };
    let advert = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Err(error))),
        8 => advert.prop_map(|advert| Some(Ok(advert))),
    ];
    (advert, proptest::collection::vec(vif, 0..3))
        .prop_map(move |(advert, all)| Guest::new(domid(id), advert, all))
}

fn any_guests() -> impl Strategy<Value = Vec<Guest>> {
    (1u16..12).prop_flat_map(|n| (1..=n).map(any_guest).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn meeting_is_mutual_and_on_one_segment(guests in any_guests()) {
        let seats = evaluate(&guests, &Policy::default(), &mut |_| ());
        for a in &seats {
            for b in &seats {
                let there = introduction(a, b);
                let back = introduction(b, a);
                prop_assert_eq!(there.err(), back.err());
                let (Ok(there), Ok(back)) = (there, back) else { continue };
                prop_assert_ne!(a.domid(), b.domid());
                prop_assert_eq!(there.nonce, back.nonce);
                prop_assert_ne!(there.mac, back.mac);
                // No address is vouched for twice where the two can meet.
                prop_assert!(there.addrs.iter().all(|addr| !back.addrs.contains(addr)));
                let port = |domid, mac| {
                    let guest = guests.iter().find(|guest| guest.domid == domid).unwrap();
                    guest.nics.iter().find(|nic| nic.mac == mac).unwrap().port
                };
                let (a, b) = (port(a.domid(), back.mac), port(b.domid(), there.mac));
                prop_assert_eq!(a.segment, b.segment);
                prop_assert!(!(a.isolated && b.isolated));
                prop_assert!(a.reasons.is_empty() && b.reasons.is_empty());
            }
        }
    }

    #[test]
    fn the_order_of_the_guests_does_not_matter(guests in any_guests()) {
        let forward = all(guests.clone());
        let backward = all(guests.into_iter().rev().collect());
        let sorted = |mut pairs: Vec<_>| { pairs.sort(); pairs };
        prop_assert_eq!(sorted(forward.pairs), sorted(backward.pairs));
        prop_assert_eq!(forward.vouched, backward.vouched);
        prop_assert_eq!(forward.warnings.len(), backward.warnings.len());
    }

    #[test]
    fn no_warning_is_given_twice(guests in any_guests()) {
        let warnings = all(guests).warnings;
        for (i, warning) in warnings.iter().enumerate() {
            prop_assert!(!warnings[i + 1..].contains(warning), "{warning}");
        }
    }

    /// Two honest guests on a segment of their own addresses and MACs keep what they have,
    /// whatever a third advertises, except for the addresses it claims itself.
    #[test]
    fn a_hostile_advert_harms_only_what_it_claims(hostile in any_guest(99)) {
        let (a, b) = (claiming(20, 1, "10.0.0.1 10.0.0.20"), claiming(21, 1, "10.0.0.21"));
        let result = all(vec![a, hostile.clone(), b]);
        prop_assert!(result.pairs.contains(&(20, 21)) && result.pairs.contains(&(21, 20)));
        prop_assert_eq!(result.vouched[&21].as_deref(), Some("10.0.0.21"));
        let kept = result.vouched[&20].clone().unwrap();
        prop_assert!(kept == "10.0.0.20" || kept == "10.0.0.1 10.0.0.20");
    }
}
