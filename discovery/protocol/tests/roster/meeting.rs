// SPDX-License-Identifier: GPL-2.0

//! Whom the bridge, and what is said against a vif, keep apart.

use xlnet_protocol::roster::{introduction, Apart, Policy};
use xlnet_protocol::{Reason, Reasons, Version};

use crate::host::{
    advert, all, claiming, domid, evaluate, mac, parted, plain, segment, vif, Guest,
};

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
