// SPDX-License-Identifier: GPL-2.0

//! What a guest is told of a peer.

use proptest::prelude::*;
use xlnet_protocol::{pair_nonce, Field, Kind, Node, PeerEntry};

use crate::any::{any_addrs, any_guest, any_mac};
use crate::{error, guest, refused_by_name};

const ENTRY: &str =
    "mac=00:16:3e:00:00:01 nonce=0123456789abcdef addr=10.0.0.1 addr=fd00::1 own=10.0.0.2";

#[test]
fn a_peer_entry_is_read_as_written() {
    let entry = PeerEntry::parse(ENTRY).unwrap();
    assert_eq!(entry.to_string(), ENTRY);
    assert_eq!(entry.addrs.to_string(), "10.0.0.1 fd00::1");
    assert_eq!(entry.own.to_string(), "10.0.0.2");
    let none = ENTRY.split(" addr").next().unwrap();
    let entry = PeerEntry::parse(none).unwrap();
    assert!(entry.addrs.is_empty() && entry.own.is_empty());
    assert_eq!(entry.to_string(), none);
}

#[test]
fn a_bad_peer_entry_is_refused_by_name() {
    let cases = [
        ("mac=00", "mac=01", Field::Mac, Kind::NotUnicast),
        ("mac=", "", Field::Mac, Kind::Syntax),
        (" nonce=0", " nonce=", Field::Nonce, Kind::Syntax),
        (" nonce=0123456789abcdef", "", Field::Nonce, Kind::Syntax),
        ("addr=10.0.0.1", "addr=", Field::Addr, Kind::Syntax),
        (
            "addr=fd00::1",
            "addr=10.0.0.1",
            Field::Addr,
            Kind::Duplicate,
        ),
        (
            "own=10.0.0.2",
            "own=224.0.0.1",
            Field::Addr,
            Kind::NotUnicast,
        ),
        ("own=10.0.0.2", "own=10.0.0.2 ", Field::Peer, Kind::Syntax),
        (
            "own=10.0.0.2",
            "own=10.0.0.2 addr=10.0.0.3",
            Field::Peer,
            Kind::Syntax,
        ),
        ("own=10.0.0.2", "key=1", Field::Peer, Kind::Syntax),
    ];
    refused_by_name(ENTRY, PeerEntry::parse, &cases);
    let missing = PeerEntry::parse("mac=00:16:3e:00:00:01");
    assert_eq!(missing, Err(error(Field::Nonce, Kind::Missing)));
}

#[test]
fn the_nonce_is_the_pairs_and_the_instances() {
    let (a, b) = ((guest(1), 10), (guest(2), 20));
    let nonce = pair_nonce(a, b);
    assert_eq!(nonce, pair_nonce(b, a));
    for (a, b) in [
        ((guest(1), 11), b),
        (a, (guest(2), 21)),
        ((guest(3), 10), b),
        ((guest(1), 20), (guest(2), 10)),
    ] {
        assert_ne!(nonce, pair_nonce(a, b));
    }
}

proptest! {
    #[test]
    fn peer_entries_round_trip(
        nonce: u64, peer in any_guest(), mac in any_mac(), addrs in any_addrs(), own in any_addrs(),
    ) {
        let entry = PeerEntry { mac, addrs, own, nonce };
        prop_assert_eq!(PeerEntry::parse(&entry.to_string()), Ok(entry));
        prop_assert_eq!(entry.nodes_of_version1(peer)[3].0, Node::PeerNonce(peer));
    }
}
