// SPDX-License-Identifier: GPL-2.0

//! Guests that advertise nothing, or what cannot be.

use xlnet_protocol::roster::Warning;
use xlnet_protocol::{Field, Kind, Reason, Reasons, SchemaError};

use crate::host::{advert, all, domid, mac, plain, segment, vif, Guest};

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
