// SPDX-License-Identifier: GPL-2.0

//! Whose an address is.

use xlnet_protocol::Addrs;

use crate::host::{advert, all, claiming, domid, mac, plain, segment, vif, Guest};

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
    assert_eq!(
        result.told(),
        ["guests 1 and 2: both claim address 10.0.0.9, neither gets it"]
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
    assert_eq!(
        result.told(),
        ["guest 1: address 10.0.0.2 ignored, its vif's ip= does not list it"]
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
    assert_eq!(
        result.told(),
        [
            "guest 1: address 2001:db8::9 ignored, its vif's ip= does not list it",
            "guest 1: address fd00::1 ignored, its vif's ip= does not list it",
            "guests 1 and 2: both claim address 2001:db8::1, neither gets it",
        ]
    );
}
