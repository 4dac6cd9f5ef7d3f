// SPDX-License-Identifier: GPL-2.0

//! Vifs that another domain than dom0 serves.

use xlnet_protocol::port::{Port, Segment};
use xlnet_protocol::{Mac, Reason, Reasons};

use crate::host::{advert, all, domid, mac, parted, plain, segment, vif, Guest, Nic};

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
