// SPDX-License-Identifier: GPL-2.0

//! To whom a guest wants channels, step by step, and how much room it says that it has.

use std::net::IpAddr;

use proptest::prelude::*;
use xlnet_protocol::{
    sort_by_key, Acquaintance, Acquaintances, Mac, Shortage, LIFE_MS, NEXT_HOP_MS, NOBODY,
    TRIAL_MS, TRIAL_PAUSE_MS, WINDOW_MS,
};

const IDLE: u64 = 60_000;

fn mac(last: u8) -> Mac {
    Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap()
}

fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

type Known = Acquaintances<Vec<Option<Acquaintance>>>;

fn nobody_known() -> Known {
    Acquaintances::new(vec![NOBODY; 8], IDLE)
}

/// The last bytes of the MACs that are wished for, in their order.
fn wished(known: &mut Known, room: u16, now: u64) -> Vec<u8> {
    known.tick(now);
    let wish = known.wish(room, now);
    wish.iter().map(|mac| mac.octets()[5]).collect()
}

#[test]
fn a_neighbour_in_use_is_wished_for_until_it_is_not() {
    let mut known = nobody_known();
    known.neighbour(mac(2), address(2), 1_000);
    known.neighbour(mac(1), address(1), 2_000);
    assert_eq!(wished(&mut known, 64, 2_000), [1, 2]);
    assert_eq!(wished(&mut known, 64, 1_000 + IDLE), [1]);
    assert_eq!(wished(&mut known, 64, 2_000 + IDLE), []);
    // Of one that never had a channel nothing is remembered.
    known.neighbour(mac(1), address(1), 200_000);
    assert_eq!(wished(&mut known, 64, 200_000), [1]);
}

#[test]
fn a_former_comes_back_by_its_own_packets_only() {
    let mut known = nobody_known();
    known.neighbour(mac(1), address(1), 0);
    known.introduced(mac(1), 500);
    assert_eq!(wished(&mut known, 64, 500 + IDLE), []);
    known.withdrawn(mac(1));
    // What goes through it elsewhere is no reason, however long it goes on.
    for now in (70_000..1_000_000).step_by(2_000) {
        known.neighbour(mac(1), address(1), now);
        assert_eq!(wished(&mut known, 64, now), []);
    }
    assert!(known.is_former(mac(1)));
    known.sent(mac(1), 1, 1_000_000);
    assert_eq!(wished(&mut known, 64, 1_000_000), [1]);
    // While it waits it is talked to through the NIC.
    for now in (1_002_000..1_200_000).step_by(2_000) {
        known.neighbour(mac(1), address(1), now);
        assert_eq!(wished(&mut known, 64, now), [1]);
    }
}

#[test]
fn a_former_with_another_address_is_wished_for() {
    let mut known = nobody_known();
    known.neighbour(mac(1), address(1), 0);
    known.introduced(mac(1), 500);
    known.tick(500 + IDLE);
    known.withdrawn(mac(1));
    known.neighbour(mac(1), address(7), 100_000);
    assert_eq!(wished(&mut known, 64, 100_000), [1]);
}

/// As a guest's with IPv6 are, of which some are for a day only.
#[test]
fn a_former_whose_addresses_change_is_wished_for() {
    let mut known = nobody_known();
    known.introduced(mac(1), 0);
    for last in 1..9 {
        known.neighbour(mac(1), address(last), 0);
    }
    known.tick(IDLE);
    known.withdrawn(mac(1));
    // One more than are remembered is no reason while these are in use.
    let mut now = IDLE;
    while now < 2 * NEXT_HOP_MS {
        now += 2_000;
        for last in 1..10 {
            known.neighbour(mac(1), address(last), now);
        }
        assert_eq!(wished(&mut known, 64, now), []);
    }
    // Of those that are gone it is.
    now += NEXT_HOP_MS;
    known.neighbour(mac(1), address(10), now);
    assert_eq!(wished(&mut known, 64, now), [1]);
}

#[test]
fn a_link_local_next_hop_tells_nothing() {
    let mut known = nobody_known();
    known.neighbour(mac(1), "fe80::1".parse().unwrap(), 0);
    assert_eq!(wished(&mut known, 64, 0), []);
    known.neighbour(mac(1), "2001:db8::1".parse().unwrap(), 0);
    assert_eq!(wished(&mut known, 64, 0), [1]);
}

#[test]
fn who_only_receives_asks_for_nobody() {
    let mut known = nobody_known();
    known.introduced(mac(1), 0);
    assert_eq!(wished(&mut known, 64, 1_000), []);
    known.sent(mac(1), 0, 1_000);
    assert_eq!(wished(&mut known, 64, 1_000), []);
    known.sent(mac(1), 1, 2_000);
    assert_eq!(wished(&mut known, 64, 2_000), [1]);
}

#[test]
fn a_channel_lasts_as_long_as_packets_are_sent() {
    let mut known = nobody_known();
    known.introduced(mac(1), 0);
    for now in (0..10 * IDLE).step_by(IDLE as usize - 1) {
        known.sent(mac(1), 1, now);
        assert_eq!(wished(&mut known, 64, now), [1]);
    }
    let mut for_ever = Acquaintances::new(vec![NOBODY; 8], 0);
    for_ever.introduced(mac(1), 0);
    for_ever.sent(mac(1), 1, 0);
    assert_eq!(wished(&mut for_ever, 64, 1 << 40), [1]);
}

#[test]
fn the_busiest_come_first_and_a_channel_counts_double() {
    let mut known = nobody_known();
    for last in 1..4 {
        known.introduced(mac(last), 0);
    }
    // The third has no channel any more.
    known.withdrawn(mac(3));
    let now = LIFE_MS + WINDOW_MS;
    known.tick(now);
    for (last, packets) in [(1, 10), (2, 100), (3, 15)] {
        known.sent(mac(last), packets, now);
    }
    assert_eq!(wished(&mut known, 2, now), [1, 2, 3]);
    known.sent(mac(3), 7, now);
    assert_eq!(wished(&mut known, 2, now), [2, 3, 1]);
    assert_eq!(wished(&mut known, 1, now), [2, 3, 1]);
}

#[test]
fn strangers_are_tried_one_after_the_other() {
    let mut known = nobody_known();
    for last in 1..3 {
        known.introduced(mac(last), 0);
    }
    let mut now = LIFE_MS;
    let mut tried = Vec::new();
    for _ in 0..TRIAL_PAUSE_MS / 1_000 - 1 {
        for last in 1..3 {
            known.sent(mac(last), 10, now);
        }
        for last in 3..5 {
            known.neighbour(mac(last), address(last), now);
        }
        let wish = wished(&mut known, 2, now);
        assert_eq!(wish.len(), 4);
        let first: Vec<_> = wish[..2].iter().filter(|last| **last > 2).collect();
        tried.extend(first.into_iter().copied());
        now += 1_000;
    }
    let turn = TRIAL_MS as usize / 1_000;
    assert_eq!(tried, [vec![3; turn], vec![4; turn]].concat());
}

#[test]
fn a_new_channel_is_not_put_to_the_test() {
    let mut known = nobody_known();
    known.introduced(mac(1), 1_000);
    known.sent(mac(1), 1, 1_000);
    known.neighbour(mac(2), address(2), 1_000);
    assert_eq!(wished(&mut known, 1, 1_000 + LIFE_MS - 1), [1, 2]);
    assert_eq!(wished(&mut known, 1, 1_000 + LIFE_MS), [2, 1]);
}

#[test]
fn who_is_refused_drives_out_nobody() {
    let mut known = nobody_known();
    known.introduced(mac(2), 0);
    known.sent(mac(2), 1, 0);
    known.neighbour(mac(1), address(1), LIFE_MS);
    known.introduced(mac(1), LIFE_MS);
    assert_eq!(wished(&mut known, 1, LIFE_MS), [1, 2]);
    known.refused(mac(1));
    assert_eq!(wished(&mut known, 1, LIFE_MS), [2, 1]);
}

#[test]
fn a_full_table_forgets_those_of_long_ago() {
    let mut known = nobody_known();
    for last in 1..9 {
        known.introduced(mac(last), 0);
        known.withdrawn(mac(last));
        known.tick(last.into());
    }
    known.neighbour(mac(9), address(9), 100);
    assert_eq!(wished(&mut known, 64, 100), [9]);
    assert_eq!((1..9).filter(|last| known.is_former(mac(*last))).count(), 7);
    // Peers are never forgotten.
    let mut known = nobody_known();
    for last in 1..9 {
        known.introduced(mac(last), 0);
        known.sent(mac(last), 1, 0);
    }
    known.neighbour(mac(9), address(9), 100);
    assert_eq!(wished(&mut known, 64, 100), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_shortage_passes() {
    let mut shortage = Shortage::none(8);
    assert_eq!((shortage.room(), shortage.next()), (8, None));
    shortage.found(3, 1_000);
    assert_eq!(shortage.room(), 3);
    // What was known already is no news.
    shortage.found(3, 2_000);
    assert_eq!(shortage.next(), Some(6_000));
    shortage.tick(3, 5_999);
    assert_eq!(shortage.room(), 3);
    shortage.tick(3, 6_000);
    assert_eq!(shortage.room(), 4);
    // In vain: the next pause is longer.
    shortage.found(3, 7_000);
    assert_eq!((shortage.room(), shortage.next()), (3, Some(17_000)));
    let mut now = 7_000;
    for open in 3..8 {
        now = shortage.next().unwrap();
        shortage.tick(open, now);
        assert_eq!(shortage.room(), open + 1);
    }
    assert_eq!(shortage.next(), None);
    assert!(now < 60_000);
    shortage.found(0, now);
    shortage.forget();
    assert_eq!((shortage.room(), shortage.next()), (8, None));
}

proptest! {
    #[test]
    fn what_is_sorted_is_in_order(mut items in prop::collection::vec(0..50u32, 0..100)) {
        let mut expected = items.clone();
        expected.sort();
        sort_by_key(&mut items, |item| *item);
        prop_assert_eq!(items, expected);
    }
}
