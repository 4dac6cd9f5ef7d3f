// SPDX-License-Identifier: GPL-2.0

//! The roster: who may meet whom, and which addresses dom0 vouches for.

use std::collections::BTreeMap;

use proptest::prelude::*;
use xlnet_protocol::port::{Port, Segment};
use xlnet_protocol::roster::{
    self, introduction, peers, Apart, BridgeWish, Claim, GuestWish, Policy, Vif, Warning,
};
use xlnet_protocol::{
    Addrs, Advert, DomId, Field, Kind, Mac, Reason, Reasons, SchemaError, Version,
};

fn domid(raw: u16) -> DomId {
    DomId::new(raw).unwrap()
}

fn mac(last: u8) -> Mac {
    Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap()
}

fn segment(bridge: u32) -> Segment {
    Segment { bridge, vlan: 0 }
}

/// A vif that nothing is to be said against.
fn port(segment: Segment) -> Port {
    Port {
        segment,
        isolated: false,
        reasons: Reasons::NONE,
    }
}

/// A vif, before it is some guest's.
#[derive(Clone, Debug)]
struct Nic {
    mac: Mac,
    port: Port,
    permitted: Option<Addrs>,
}

fn vif(mac: Mac, segment: Segment) -> Nic {
    Nic {
        mac,
        port: port(segment),
        permitted: None,
    }
}

/// A guest and its vifs.
#[derive(Clone, Debug)]
struct Guest {
    domid: DomId,
    advert: Option<Result<Advert, SchemaError>>,
    nics: Vec<Nic>,
    wish: GuestWish,
    stub_of: Option<DomId>,
}

impl Guest {
    fn new(
        domid: DomId,
        advert: Option<Result<Advert, SchemaError>>,
        nics: impl Into<Vec<Nic>>,
    ) -> Self {
        Self {
            domid,
            advert,
            nics: nics.into(),
            wish: GuestWish::default(),
            stub_of: None,
        }
    }
}

/// The roster's guests, evaluated, by id.
fn evaluate(
    guests: &[Guest],
    policy: &Policy<'_>,
    report: &mut impl FnMut(Warning),
) -> Vec<roster::Guest> {
    let vifs = guests.iter().flat_map(|guest| {
        guest.nics.iter().map(|nic| Vif {
            guest: guest.domid,
            stub_of: guest.stub_of,
            mac: nic.mac,
            port: nic.port,
            permitted: nic.permitted,
        })
    });
    let entry = |guest: &Guest| roster::Guest::new(guest.domid, guest.advert, guest.wish);
    let mut entries: Vec<_> = guests.iter().map(entry).collect();
    let mut claims = vec![Claim::NONE; roster::claims(&entries)];
    let mut vifs: Vec<_> = vifs.collect();
    roster::evaluate(&mut entries, &mut vifs, &mut claims, policy, report);
    entries
}

fn advert(mac: Mac, addrs: &str) -> Advert {
    Advert {
        version: Version::Two,
        features: 0,
        instance: 1,
        mac,
        addrs: Addrs::parse(addrs).unwrap(),
    }
}

/// A guest on `bridge` that advertises what it has: MAC and address end in its id.
fn plain(id: u8, bridge: u32) -> Guest {
    claiming(id, bridge, &format!("10.0.0.{id}"))
}

fn claiming(id: u8, bridge: u32, addrs: &str) -> Guest {
    Guest::new(
        domid(id.into()),
        Some(Ok(advert(mac(id), addrs))),
        vec![vif(mac(id), segment(bridge))],
    )
}

/// The roster of `guests`: pairs, vouched addresses, warnings.
struct Outcome {
    pairs: Vec<(u16, u16)>,
    vouched: BTreeMap<u16, Option<String>>,
    reasons: BTreeMap<u16, Reasons>,
    warnings: Vec<Warning>,
}

fn outcome(guests: Vec<Guest>, policy: &Policy<'_>) -> Outcome {
    let mut warnings = Vec::new();
    let guests = evaluate(&guests, policy, &mut |warning| warnings.push(warning));
    let mut pairs = Vec::new();
    for (i, guest) in guests.iter().enumerate() {
        for (peer, told) in peers(&guests, i) {
            assert_eq!(introduction(guest, peer), told);
            let Ok(entry) = told else { continue };
            assert_eq!(peer.vouched(), Some(entry.addrs));
            // What a guest may send from is what its peer lets in.
            assert_eq!(guest.vouched(), Some(entry.own));
            pairs.push((guest.domid().raw(), peer.domid().raw()));
        }
    }
    pairs.sort_unstable();
    let vouched = guests
        .iter()
        .map(|guest| {
            let addrs = guest.vouched().map(Addrs::to_string);
            (guest.domid().raw(), addrs)
        })
        .collect();
    let reasons = guests
        .iter()
        .map(|guest| (guest.domid().raw(), guest.reasons()))
        .collect();
    Outcome {
        pairs,
        vouched,
        reasons,
        warnings,
    }
}

fn all(guests: Vec<Guest>) -> Outcome {
    outcome(guests, &Policy::default())
}

#[test]
fn guests_on_one_bridge_meet() {
    let result = all(vec![plain(1, 7), plain(2, 7), plain(3, 8)]);
    assert_eq!(result.pairs, [(1, 2), (2, 1)]);
    assert_eq!(result.vouched[&1].as_deref(), Some("10.0.0.1"));
    assert_eq!(result.warnings, []);
}

#[test]
fn an_introduction_tells_mac_addresses_and_one_nonce_to_both() {
    let guests = [plain(1, 7), claiming(2, 7, "10.0.0.2 2001:db8::2")];
    let guests = evaluate(&guests, &Policy::default(), &mut |_| ());
    let [a, b] = &guests[..] else { panic!() };
    let (to_a, to_b) = (introduction(a, b).unwrap(), introduction(b, a).unwrap());
    assert_eq!(to_a.mac, mac(2));
    assert_eq!(to_a.addrs.to_string(), "10.0.0.2 2001:db8::2");
    assert_eq!(to_b.mac, mac(1));
    assert_eq!(to_a.nonce, to_b.nonce);
    assert_eq!(introduction(a, a), Err(Apart::NotBoth));
}

#[test]
fn vlans_keep_guests_apart() {
    let mut tagged = vif(mac(2), segment(7));
    tagged.port.segment.vlan = 5;
    let other = Guest::new(domid(2), Some(Ok(advert(mac(2), "10.0.0.2"))), vec![tagged]);
    assert_eq!(all(vec![plain(1, 7), other]).pairs, []);
}

/// A guest to whom something is to be said against its vif.
fn parted(id: u8, bridge: u32, reason: Reason) -> Guest {
    let mut guest = plain(id, bridge);
    guest.nics[0].port.reasons.add(reason, true);
    guest
}

#[test]
fn any_reason_parts_a_guest_from_all_others() {
    for reason in Reason::ALL {
        let result = all(vec![plain(1, 7), parted(2, 7, reason), plain(3, 7)]);
        assert_eq!(result.pairs, [(1, 3), (3, 1)], "{reason}");
        let told: Vec<_> = result.reasons[&2].iter().collect();
        assert_eq!(told, [reason]);
        assert_eq!(result.reasons[&1], Reasons::NONE);
        assert_eq!(result.warnings, []);
    }
}

#[test]
fn what_a_parted_guest_claims_it_takes_from_nobody() {
    let mut thief = parted(2, 7, Reason::Rate);
    thief.advert = Some(Ok(advert(mac(2), "10.0.0.1")));
    let result = all(vec![plain(1, 7), thief]);
    assert_eq!(result.vouched[&1].as_deref(), Some("10.0.0.1"));
}

#[test]
fn isolated_ports_meet_only_others() {
    let isolated = |id| {
        let mut guest = plain(id, 7);
        guest.nics[0].port.isolated = true;
        guest
    };
    let result = all(vec![isolated(1), isolated(2), plain(3, 7)]);
    assert_eq!(result.pairs, [(1, 3), (2, 3), (3, 1), (3, 2)]);
}

#[test]
fn groups_keep_guests_apart() {
    let member = |id, group| {
        let mut guest = plain(id, 7);
        guest.wish.group = group;
        guest
    };
    let result = all(vec![member(1, 1), member(2, 1), member(3, 2), plain(4, 7)]);
    assert_eq!(result.pairs, [(1, 2), (2, 1)]);
}

#[test]
fn each_version_meets_its_own() {
    let old = |id| {
        let mut guest = plain(id, 7);
        let advert = guest.advert.as_mut().unwrap().as_mut().unwrap();
        advert.version = Version::One;
        guest
    };
    let result = all(vec![plain(1, 7), old(2), plain(3, 7), old(4)]);
    assert_eq!(result.pairs, [(1, 3), (2, 4), (3, 1), (4, 2)]);
}

#[test]
fn a_denied_or_metered_guest_meets_nobody() {
    let wishes = [
        (
            Reason::Denied,
            GuestWish {
                denied: true,
                ..GuestWish::default()
            },
        ),
        (
            Reason::Metered,
            GuestWish {
                metered: true,
                ..GuestWish::default()
            },
        ),
    ];
    for (reason, wish) in wishes {
        let mut guest = plain(2, 7);
        guest.wish = wish;
        let result = all(vec![plain(1, 7), guest, plain(3, 7)]);
        assert_eq!(result.pairs, [(1, 3), (3, 1)]);
        assert!(result.reasons[&2].contains(reason));
    }
}

#[test]
fn the_policy_picks_bridges() {
    let guests = || vec![plain(1, 7), plain(2, 7), plain(3, 8), plain(4, 8)];
    let ignored = BridgeWish {
        ignored: true,
        ..BridgeWish::default()
    };
    let only = |bridges: &[u32]| {
        let served: Vec<_> = bridges
            .iter()
            .map(|b| (*b, BridgeWish::default()))
            .collect();
        let policy = Policy {
            off: false,
            bridges: &served,
            others: ignored,
        };
        outcome(guests(), &policy).pairs
    };
    assert_eq!(only(&[8]), [(3, 4), (4, 3)]);
    assert_eq!(only(&[7, 8]).len(), 4);
    assert_eq!(only(&[]), []);
    let but = Policy {
        bridges: &[(7, ignored)],
        ..Policy::default()
    };
    assert_eq!(outcome(guests(), &but).pairs, [(3, 4), (4, 3)]);
    let metered = BridgeWish {
        metered: true,
        ..BridgeWish::default()
    };
    let counted = Policy {
        bridges: &[(7, metered)],
        ..Policy::default()
    };
    let result = outcome(guests(), &counted);
    assert_eq!(result.pairs, [(3, 4), (4, 3)]);
    assert!(result.reasons[&1].contains(Reason::Metered));
    let off = Policy {
        off: true,
        ..Policy::default()
    };
    assert_eq!(outcome(guests(), &off).pairs, []);
}

#[test]
fn an_override_forgives_that_reason_on_that_bridge() {
    let wish = BridgeWish {
        overridden: Reasons::of(Reason::BridgeFilter),
        ..BridgeWish::default()
    };
    let policy = Policy {
        bridges: &[(7, wish)],
        ..Policy::default()
    };
    let met = |reason, bridge| {
        let guests = vec![parted(1, bridge, reason), parted(2, bridge, reason)];
        !outcome(guests, &policy).pairs.is_empty()
    };
    assert!(met(Reason::BridgeFilter, 7));
    assert!(!met(Reason::BridgeFilter, 8));
    assert!(!met(Reason::IpFilter, 7));
}

#[test]
fn a_guest_without_an_advert_meets_nobody() {
    let silent = Guest::new(domid(2), None, vec![vif(mac(2), segment(7))]);
    let result = all(vec![plain(1, 7), silent]);
    assert_eq!(result.pairs, []);
    assert_eq!(result.vouched[&2], None);
    assert_eq!(result.warnings, []);
}

#[test]
fn a_bad_advert_is_ignored_with_one_warning() {
    let error = SchemaError {
        field: Field::Addr,
        kind: Kind::NotUnicast,
    };
    let bad = Guest::new(domid(3), Some(Err(error)), vec![vif(mac(3), segment(7))]);
    let result = all(vec![plain(1, 7), plain(2, 7), bad]);
    assert_eq!(result.pairs, [(1, 2), (2, 1)]);
    let warning = Warning::BadAdvert {
        guest: domid(3),
        error,
    };
    assert_eq!(result.warnings, [warning]);
    assert_eq!(result.reasons[&3], Reasons::of(Reason::BadAdvert));
    assert_eq!(
        warning.to_string(),
        "guest 3: advert ignored, addr: not a unicast host address"
    );
}

#[test]
fn another_guests_mac_is_ignored_with_one_warning() {
    let liar = Guest::new(
        domid(3),
        Some(Ok(advert(mac(1), "10.0.0.3"))),
        vec![vif(mac(3), segment(7))],
    );
    let result = all(vec![plain(1, 7), plain(2, 7), liar]);
    assert_eq!(result.pairs, [(1, 2), (2, 1)]);
    assert_eq!(result.reasons[&3], Reasons::of(Reason::ForeignMac));
    assert_eq!(
        result.warnings,
        [Warning::ForeignMac {
            guest: domid(3),
            mac: mac(1)
        }]
    );
}

#[test]
fn the_advertised_vif_counts() {
    let two = Guest::new(
        domid(1),
        Some(Ok(advert(mac(11), "10.0.0.1"))),
        vec![vif(mac(10), segment(7)), vif(mac(11), segment(8))],
    );
    let result = all(vec![two, plain(2, 7), plain(3, 8)]);
    assert_eq!(result.pairs, [(1, 3), (3, 1)]);
}

#[test]
fn one_address_claimed_twice_is_nobodys() {
    let result = all(vec![
        claiming(1, 7, "10.0.0.1 10.0.0.9"),
        claiming(2, 7, "10.0.0.9 10.0.0.2"),
        claiming(3, 8, "10.0.0.9"),
    ]);
    assert_eq!(result.vouched[&1].as_deref(), Some("10.0.0.1"));
    assert_eq!(result.vouched[&2].as_deref(), Some("10.0.0.2"));
    // On another bridge it is another address.
    assert_eq!(result.vouched[&3].as_deref(), Some("10.0.0.9"));
    assert_eq!(result.pairs, [(1, 2), (2, 1)]);
    let [warning] = result.warnings[..] else {
        panic!("{:?}", result.warnings);
    };
    assert_eq!(
        warning.to_string(),
        "guests 1 and 2: both claim address 10.0.0.9, neither gets it"
    );
}

#[test]
fn a_conflict_is_told_the_same_whoever_came_first() {
    let address = |id| claiming(id, 7, "10.0.0.9");
    let vif_of_7 = |id: u8| {
        let vifs = vec![vif(mac(7), segment(7))];
        Guest::new(domid(id.into()), Some(Ok(advert(mac(7), ""))), vifs)
    };
    for guests in [[address(1), address(2)], [vif_of_7(1), vif_of_7(2)]] {
        let mut mirrored = guests.to_vec();
        mirrored.reverse();
        let (told, again) = (all(guests.to_vec()).warnings, all(mirrored).warnings);
        assert_eq!(told.len(), 1);
        assert_eq!(told, again);
    }
}

#[test]
fn one_address_claimed_three_times_is_nobodys() {
    let claims = [1, 2, 3].map(|id| claiming(id, 7, "10.0.0.9"));
    let result = all(claims.to_vec());
    for id in [1, 2, 3] {
        assert_eq!(result.vouched[&id].as_deref(), Some(""));
    }
    assert_eq!(result.warnings.len(), 3);
}

#[test]
fn an_address_the_vif_does_not_permit_is_dropped() {
    let mut tied = vif(mac(1), segment(7));
    tied.permitted = Addrs::parse_restriction("10.0.0.1");
    let guest = Guest::new(
        domid(1),
        Some(Ok(advert(mac(1), "10.0.0.1 10.0.0.2"))),
        vec![tied],
    );
    let result = all(vec![guest, plain(2, 7)]);
    assert_eq!(result.vouched[&1].as_deref(), Some("10.0.0.1"));
    // The claim that was dropped contests nothing.
    assert_eq!(result.vouched[&2].as_deref(), Some("10.0.0.2"));
    let [warning] = result.warnings[..] else {
        panic!("{:?}", result.warnings);
    };
    assert_eq!(
        warning.to_string(),
        "guest 1: address 10.0.0.2 ignored, its vif's ip= does not list it"
    );
}

#[test]
fn families_are_contested_and_permitted_each_by_itself() {
    let mut tied = vif(mac(1), segment(7));
    tied.permitted = Addrs::parse_restriction("10.0.0.1 2001:db8::1");
    let claims = "10.0.0.1 2001:db8::1 2001:db8::9 fd00::1";
    let guest = Guest::new(domid(1), Some(Ok(advert(mac(1), claims))), vec![tied]);
    let rival = claiming(2, 7, "10.0.0.2 2001:db8::1 2001:db8::2");
    let result = all(vec![guest, rival]);
    assert_eq!(result.vouched[&1].as_deref(), Some("10.0.0.1"));
    assert_eq!(result.vouched[&2].as_deref(), Some("10.0.0.2 2001:db8::2"));
    let warnings: Vec<_> = result.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        warnings,
        [
            "guest 1: address 2001:db8::9 ignored, its vif's ip= does not list it",
            "guest 1: address fd00::1 ignored, its vif's ip= does not list it",
            "guests 1 and 2: both claim address 2001:db8::1, neither gets it",
        ]
    );
}

#[test]
fn one_mac_on_two_vifs_of_a_bridge_is_nobodys() {
    let clone = |id: u8| {
        Guest::new(
            domid(id.into()),
            Some(Ok(advert(mac(9), &format!("10.0.0.{id}")))),
            vec![vif(mac(9), segment(7))],
        )
    };
    let result = all(vec![clone(1), plain(2, 7), clone(3), plain(4, 7)]);
    assert_eq!(result.pairs, [(2, 4), (4, 2)]);
    assert_eq!(result.reasons[&1], Reasons::of(Reason::SharedMac));
    assert_eq!(
        result.warnings,
        [Warning::DuplicateMac {
            guests: [domid(1), domid(3)],
            mac: mac(9)
        }]
    );

    // A twin that does not run xlnet counts too, in either order.
    for silent in [1, 5] {
        let silent = Guest::new(domid(silent), None, vec![vif(mac(9), segment(7))]);
        let result = all(vec![silent.clone(), clone(3), plain(4, 7)]);
        assert_eq!(result.pairs, []);
        assert_eq!(result.warnings.len(), 1);
        let result = all(vec![clone(3), silent, plain(4, 7)]);
        assert_eq!(result.pairs, []);
        assert_eq!(result.warnings.len(), 1);
    }

    // So does a second vif of the same guest,
    // even on another bridge: which of the two is meant nobody knows.
    for bridge in [7, 8] {
        let double = Guest::new(
            domid(1),
            Some(Ok(advert(mac(9), "10.0.0.1"))),
            vec![vif(mac(9), segment(7)), vif(mac(9), segment(bridge))],
        );
        let result = all(vec![double, plain(2, 7)]);
        assert_eq!(result.pairs, []);
        assert_eq!(result.warnings.len(), 1);
    }

    // On different bridges one MAC may be used twice.
    let other = Guest::new(
        domid(3),
        Some(Ok(advert(mac(1), "10.0.0.3"))),
        vec![vif(mac(1), segment(8))],
    );
    let result = all(vec![plain(1, 7), plain(2, 7), other, plain(4, 8)]);
    assert_eq!(result.pairs, [(1, 2), (2, 1), (3, 4), (4, 3)]);
    assert_eq!(result.warnings, []);
}

/// The stub domain of an HVM guest, which has vifs with that one's MACs on the same bridges.
fn stub(id: u8, of: &Guest) -> Guest {
    let mut stub = Guest::new(domid(id.into()), None, of.nics.clone());
    stub.stub_of = Some(of.domid);
    stub
}

#[test]
fn a_stub_domain_is_paired_with_its_guest() {
    // Its id may be lower or higher.
    for id in [1, 9] {
        let hvm = plain(4, 7);
        let result = all(vec![stub(id, &hvm), hvm, plain(2, 7)]);
        assert_eq!(result.pairs, [(2, 4), (4, 2)]);
        assert_eq!(result.warnings, []);
    }
    // Of a guest with several, each vif has its pair.
    let mut hvm = plain(4, 7);
    hvm.nics.insert(0, vif(mac(14), segment(8)));
    let result = all(vec![stub(5, &hvm), hvm, plain(2, 7)]);
    assert_eq!(result.pairs, [(2, 4), (4, 2)]);
}

#[test]
fn a_stub_domain_stands_for_its_guest_alone() {
    // Another guest with that MAC has as little of it as it would have beside the guest itself.
    let hvm = plain(4, 7);
    let mut other = plain(5, 7);
    other.advert = Some(Ok(advert(mac(4), "10.0.0.5")));
    other.nics = hvm.nics.clone();
    let mut elsewhere = hvm.clone();
    elsewhere.nics[0].port.segment = segment(8);
    // One that advertises the MAC itself is not taken for one that reports whom it shares it with.
    let mut loud = stub(3, &hvm);
    loud.advert = Some(Ok(advert(mac(4), "10.0.0.3")));
    for guests in [
        vec![stub(6, &hvm), other.clone(), elsewhere.clone(), plain(2, 7)],
        vec![stub(6, &hvm), other.clone(), hvm, plain(2, 7)],
        vec![loud, other.clone(), elsewhere, plain(2, 7)],
    ] {
        let result = all(guests);
        assert_eq!(result.reasons[&5], Reasons::of(Reason::SharedMac));
        assert_eq!(result.pairs, []);
        let about = |warning: &Warning| warning.guests().contains(&domid(5));
        assert!(result.warnings.iter().any(about), "{:?}", result.warnings);
    }
}

#[test]
fn a_stub_domain_meets_nobody_itself() {
    let hvm = plain(4, 7);
    let mut stub = stub(5, &hvm);
    stub.advert = Some(Ok(advert(mac(4), "10.0.0.5")));
    let result = all(vec![hvm, stub, plain(2, 7)]);
    assert_eq!(result.pairs, [(2, 4), (4, 2)]);
    assert_eq!(result.reasons[&5], Reasons::of(Reason::ForeignMac));
}

/// A vif that another domain serves.
fn elsewhere(mac: Mac) -> Nic {
    Nic {
        mac,
        port: Port::elsewhere(),
        permitted: None,
    }
}

#[test]
fn a_vif_that_another_domain_serves_is_told_as_such() {
    let served = |id: u8, nics: Vec<Nic>| {
        let advert = advert(mac(id), &format!("10.0.0.{id}"));
        Guest::new(domid(id.into()), Some(Ok(advert)), nics)
    };
    let result = all(vec![
        plain(1, 7),
        // Beside one that dom0 serves, and alone.
        served(2, vec![vif(mac(12), segment(7)), elsewhere(mac(2))]),
        served(3, vec![elsewhere(mac(3))]),
        plain(4, 7),
    ]);
    assert_eq!(result.pairs, [(1, 4), (4, 1)]);
    for id in [2, 3] {
        assert_eq!(result.reasons[&id], Reasons::of(Reason::Elsewhere));
    }
    // It is no lie.
    assert_eq!(result.warnings, []);
}

#[test]
fn a_vif_that_another_domain_serves_is_nobody_elses_business() {
    // Two guests that say so of one MAC, of which at least one lies, and the guest whose MAC it is.
    let says = |id: u8| {
        let advert = advert(mac(1), "");
        Guest::new(domid(id.into()), Some(Ok(advert)), vec![elsewhere(mac(1))])
    };
    let result = all(vec![plain(1, 7), plain(2, 7), says(3), says(4)]);
    assert_eq!(result.pairs, [(1, 2), (2, 1)]);
    for id in [3, 4] {
        assert_eq!(result.reasons[&id], Reasons::of(Reason::Elsewhere));
    }
    assert_eq!(result.warnings, []);

    // Of a vif on no bridge dom0 knows as little where it is, but these are two places.
    let mut loose = parted(1, 0, Reason::NoBridge);
    loose.nics[0].port.segment = Segment::default();
    let result = all(vec![loose, says(3)]);
    assert_eq!(result.reasons[&1], Reasons::of(Reason::NoBridge));
    assert_eq!(result.reasons[&3], Reasons::of(Reason::Elsewhere));
    assert_eq!(result.warnings, []);

    // Of a guest with two vifs of that MAC nobody knows which of them it means.
    let mut both = plain(1, 7);
    both.nics.push(elsewhere(mac(1)));
    let result = all(vec![both, plain(2, 7)]);
    assert_eq!(result.pairs, []);
    assert!(!result.reasons[&1].is_empty());
}

#[test]
fn a_guest_may_have_many_vifs_of_which_any_counts() {
    let many = |advertised: u8| {
        let nics = (1..=5).map(|last| vif(mac(10 + last), segment(last.into())));
        let advert = advert(mac(10 + advertised), "10.0.0.1");
        Guest::new(domid(1), Some(Ok(advert)), nics.collect::<Vec<_>>())
    };
    for advertised in 1..=5 {
        let others = (1..=5).map(|bridge| plain(20 + bridge, bridge.into()));
        let guests = [many(advertised)].into_iter().chain(others);
        let met = u16::from(20 + advertised);
        assert_eq!(all(guests.collect()).pairs, [(1, met), (met, 1)]);
    }
    // What is to be said against the others does not matter.
    let mut guest = many(5);
    for nic in &mut guest.nics[..4] {
        nic.port.reasons.add(Reason::Down, true);
    }
    assert_eq!(all(vec![guest, plain(25, 5)]).pairs, [(1, 25), (25, 1)]);
    let mut guest = many(5);
    guest.nics[4].port.reasons.add(Reason::Down, true);
    assert_eq!(all(vec![guest, plain(25, 5)]).pairs, []);
}

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
