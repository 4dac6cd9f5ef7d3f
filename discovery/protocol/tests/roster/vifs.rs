// SPDX-License-Identifier: GPL-2.0

//! Which vif a guest means: the one that has the MAC it advertises, if no other has it.

use xlnet_protocol::roster::Warning;
use xlnet_protocol::{Reason, Reasons};

use crate::host::{advert, all, domid, mac, plain, segment, vif, Guest};

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
