// SPDX-License-Identifier: GPL-2.0

//! What the administrator says of guests and bridges.

use xlnet_protocol::roster::{BridgeWish, GuestWish, Policy};
use xlnet_protocol::{Reason, Reasons};

use crate::host::{all, outcome, parted, plain};

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
