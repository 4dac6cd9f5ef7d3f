// SPDX-License-Identifier: GPL-2.0

//! The XenStore schema: what is written is read back, anything else is refused by name, and
//! nothing a guest can write makes a parser panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use xlnet_protocol::{
    pair_nonce, Addrs, Advert, AdvertText, ChannelId, DomId, Field, Kind, List, Mac, Node, Offer,
    PacketMeta, Path, PeerEntry, SchemaError, Tree, Version, Wish, MAX_ADDRS, MAX_WISHES,
};

fn error(field: Field, kind: Kind) -> SchemaError {
    SchemaError { field, kind }
}

fn guest(raw: u16) -> DomId {
    DomId::new(raw).unwrap()
}

const ADVERT: AdvertText<'_> = AdvertText {
    version: "2",
    features: Some("0"),
    instance: Some("00c0ffee00c0ffee"),
    mac: Some("00:16:3e:00:00:01"),
    addr: Some("10.0.0.1 2001:db8::1"),
};

const OFFER: &str = "version=1 nonce=0123456789abcdef generation=7 grant=9 port=12";

#[test]
fn an_advert_is_read_as_written() {
    let advert = Advert::parse(&ADVERT).unwrap();
    assert_eq!(advert.features, 0);
    assert_eq!(advert.instance, 0x00c0_ffee_00c0_ffee);
    assert_eq!(advert.mac.octets(), [0, 0x16, 0x3e, 0, 0, 1]);
    assert_eq!(advert.addrs.len(), 2);
    assert!(advert.addrs.contains("10.0.0.1".parse().unwrap()));
    assert!(!advert.addrs.contains("10.0.0.2".parse().unwrap()));

    let written: Vec<_> = advert
        .nodes()
        .iter()
        .map(|(node, value)| format!("{}={value}", Path::own(*node)))
        .collect();
    assert_eq!(
        written,
        [
            "data/xlnet/features=0",
            "data/xlnet/instance=00c0ffee00c0ffee",
            "data/xlnet/mac=00:16:3e:00:00:01",
            "data/xlnet/addr=10.0.0.1 2001:db8::1",
            "data/xlnet/version=2",
        ]
    );
}

/// With its path, what somebody writes has to fit into one message of XenStore's; xenstored allows a guest no longer
/// node than half of that, unless it is told otherwise.
#[test]
fn the_longest_values_fit_into_xenstore() {
    const MESSAGE: usize = 4096;
    let addresses = |net: u16| {
        let mut addrs = Addrs::new();
        for last in 0..MAX_ADDRS as u16 {
            let address = Ipv6Addr::new(
                0x2001,
                0xdb8,
                net,
                0xffff,
                0xffff,
                0xffff,
                0xffff,
                0xff00 | last,
            );
            addrs.push(address.into()).unwrap();
        }
        addrs
    };
    let mac = Mac::new([0xfe; 6]).unwrap();
    let entry = PeerEntry {
        mac,
        addrs: addresses(0xfff0),
        own: addresses(0xfff1),
        nonce: u64::MAX,
    };
    let path = Path::of(guest(32751), Node::Peer(guest(32751)));
    assert!(format!("{path}{entry}").len() < MESSAGE);

    let mut wish = Wish::new(64);
    for last in 0..MAX_WISHES as u8 {
        wish.push(Mac::new([2, 0, 0, 0, 0, last]).unwrap()).unwrap();
    }
    assert!(wish.to_string().len() < MESSAGE / 2);
    assert!(addresses(0xfff0).to_string().len() < MESSAGE / 2);
}

#[test]
fn a_bad_advert_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut AdvertText<'static>)| {
        let mut text = ADVERT;
        change(&mut text);
        Advert::parse(&text).unwrap_err()
    };
    let version = error(Field::Version, Kind::Unsupported);
    assert_eq!(refused(&|text| text.version = "3"), version);
    // A later version may do without any of the other nodes.
    assert_eq!(
        refused(&|text| (text.version, text.mac) = ("3", None)),
        version
    );
    for bad in ["", "01", "+1", "-1", " 1", "1 ", "1.0", "one", "１"] {
        assert_eq!(
            refused(&|text| text.version = bad),
            error(Field::Version, Kind::Syntax),
            "{bad:?}"
        );
    }
    for (bad, kind) in [
        ("", Kind::Syntax),
        ("0x1", Kind::Syntax),
        ("F", Kind::Syntax),
        ("00", Kind::Syntax),
        ("100000000", Kind::Range),
    ] {
        assert_eq!(
            refused(&|text| text.features = Some(bad)),
            error(Field::Features, kind),
            "{bad:?}"
        );
    }
    for bad in [
        "",
        "1",
        "0123456789ABCDEF",
        "0123456789abcdef0",
        "+123456789abcdef",
    ] {
        assert_eq!(
            refused(&|text| text.instance = Some(bad)),
            error(Field::Instance, Kind::Syntax),
            "{bad:?}"
        );
    }
    for (field, text) in [
        (
            Field::Features,
            AdvertText {
                features: None,
                ..ADVERT
            },
        ),
        (
            Field::Instance,
            AdvertText {
                instance: None,
                ..ADVERT
            },
        ),
        (
            Field::Mac,
            AdvertText {
                mac: None,
                ..ADVERT
            },
        ),
        (
            Field::Addr,
            AdvertText {
                addr: None,
                ..ADVERT
            },
        ),
    ] {
        assert_eq!(Advert::parse(&text), Err(error(field, Kind::Missing)));
    }
    assert_eq!(
        refused(&|text| text.mac = Some("ff:ff:ff:ff:ff:ff")).to_string(),
        "mac: not a unicast host address"
    );
}

#[test]
fn macs() {
    for bad in [
        "",
        "00:16:3e:00:00",
        "00:16:3e:00:00:01:02",
        "0:16:3e:00:00:01",
        "00-16-3e-00-00-01",
        "00:16:3e:00:00:+1",
        "00:16:3e:00:00:0g",
        "00:16:3e:00:00:01 ",
        "00:16:3e:00:00:",
    ] {
        assert_eq!(
            Mac::parse(bad),
            Err(error(Field::Mac, Kind::Syntax)),
            "{bad:?}"
        );
    }
    for bad in [
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "01:00:5e:00:00:01",
        "33:33:00:00:00:01",
    ] {
        assert_eq!(
            Mac::parse(bad),
            Err(error(Field::Mac, Kind::NotUnicast)),
            "{bad}"
        );
    }
    assert_eq!(
        Mac::parse("00:16:3E:AA:BB:CC").unwrap().to_string(),
        "00:16:3e:aa:bb:cc"
    );
}

#[test]
fn address_lists() {
    assert!(Addrs::parse("").unwrap().is_empty());
    for bad in [
        " ",
        "10.0.0.1 ",
        " 10.0.0.1",
        "10.0.0.1  10.0.0.2",
        "10.0.0.1\n",
        "10.0.0.1,10.0.0.2",
        "10.0.0.1/24",
        "10.0.0",
        "010.0.0.1",
        "fe80::1%eth0",
        "host",
    ] {
        assert_eq!(
            Addrs::parse(bad),
            Err(error(Field::Addr, Kind::Syntax)),
            "{bad:?}"
        );
    }
    for bad in [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.9.9.9",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
        "::",
        "::1",
        "ff02::1",
        "fe80::1",
        "::ffff:10.0.0.1",
    ] {
        assert_eq!(
            Addrs::parse(bad),
            Err(error(Field::Addr, Kind::NotUnicast)),
            "{bad}"
        );
    }
    assert_eq!(
        Addrs::parse("10.0.0.1 2001:db8::1 10.0.0.1"),
        Err(error(Field::Addr, Kind::Duplicate))
    );
    let list = |n| {
        let words: Vec<_> = (1..=n).map(|i| format!("10.0.0.{i}")).collect();
        words.join(" ")
    };
    assert_eq!(
        Addrs::parse(&list(MAX_ADDRS)).unwrap().to_string(),
        list(MAX_ADDRS)
    );
    assert_eq!(
        Addrs::parse(&list(MAX_ADDRS + 1)),
        Err(error(Field::Addr, Kind::TooMany))
    );
}

#[test]
fn a_restriction_that_is_not_understood_permits_nothing() {
    assert_eq!(Addrs::parse_restriction(""), None);
    assert_eq!(Addrs::parse_restriction(" \n"), None);
    assert_eq!(Addrs::parse_restriction("10.0.0.0/24"), Some(Addrs::new()));
    assert_eq!(
        Addrs::parse_restriction(" 10.0.0.1  any 10.0.0.1 2001:db8::1\n"),
        Some(Addrs::parse("10.0.0.1 2001:db8::1").unwrap())
    );
}

#[test]
fn an_offer_is_read_as_written() {
    let offer = Offer::parse(OFFER).unwrap();
    assert_eq!(
        offer,
        Offer {
            channel: ChannelId {
                nonce: 0x0123_4567_89ab_cdef,
                generation: 7
            },
            grant: 9,
            port: Some(12),
        }
    );
    assert_eq!(offer.to_string(), OFFER);
    let answer = OFFER.replace("port=12", "port=0");
    assert_eq!(Offer::parse(&answer).unwrap().port, None);
    assert_eq!(Offer::parse(&answer).unwrap().to_string(), answer);
}

/// What a good value becomes when a part of it is replaced is refused, each time for the reason that is given.
fn refused_by_name<T: PartialEq + std::fmt::Debug>(
    good: &str,
    parse: impl Fn(&str) -> Result<T, SchemaError>,
    cases: &[(&str, &str, Field, Kind)],
) {
    for (from, to, field, kind) in cases {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        assert_eq!(parse(&text), Err(error(*field, *kind)), "{text:?}");
    }
}

#[test]
fn a_bad_offer_is_refused_by_name() {
    let cases = [
        ("version=1", "version=2", Field::Version, Kind::Unsupported),
        ("version=1 ", "", Field::Version, Kind::Syntax),
        ("nonce=0", "nonce=", Field::Nonce, Kind::Syntax),
        ("nonce=0", "nonce=+", Field::Nonce, Kind::Syntax),
        ("=7", "=-7", Field::Generation, Kind::Syntax),
        ("=7", "=4294967296", Field::Generation, Kind::Range),
        ("=7 ", "=7  ", Field::Grant, Kind::Syntax),
        ("grant=9 ", "", Field::Grant, Kind::Syntax),
        ("=9", "=7", Field::Grant, Kind::Range),
        ("=9", "=9999999999", Field::Grant, Kind::Range),
        ("=12", "=131072", Field::Port, Kind::Range),
        ("=12", "=012", Field::Port, Kind::Syntax),
        (" port=12", "", Field::Port, Kind::Missing),
        ("=12", "=12 ", Field::Offer, Kind::Syntax),
        ("=12", "=12 key=1", Field::Offer, Kind::Syntax),
    ];
    refused_by_name(OFFER, Offer::parse, &cases);
}

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
fn paths() {
    for (path, text) in [
        (Path::own(Node::Root), "data/xlnet"),
        (Path::own(Node::Addr), "data/xlnet/addr"),
        (Path::own(Node::Offer(guest(12))), "data/xlnet/offer/12"),
        (Path::own(Node::Traffic(guest(12))), "data/xlnet/traffic/12"),
        (Path::own(Node::Peer(guest(12))), "xlnet/peer/12"),
        (Path::own(Node::Told), "xlnet"),
        (Path::own(Node::Why), "xlnet/why"),
        (Path::of(guest(3), Node::Root), "/local/domain/3/data/xlnet"),
        (
            Path::of(guest(3), Node::PeerOffer(guest(12))),
            "/local/domain/3/xlnet/peer/12/offer",
        ),
    ] {
        assert_eq!(path.to_string(), text);
        assert_eq!(Path::parse(text), Some(path));
    }
    for bad in [
        "",
        "/",
        "data/xlnetx",
        "data/xlnet/",
        "data/xlnet//",
        "data/xlnet/other",
        "data/xlnet/mac/x",
        "data/xlnet/offer/0",
        "data/xlnet/offer/32752",
        "data/xlnet/offer/+1",
        "data/xlnet/offer/1/2",
        "data/xlnet/peer/1/nonce",
        "xlnet/peer/1/nonce",
        "data/xlnet/peer",
        "data/xlnet/why",
        "xlnet/mac",
        "xlnet/offer/1",
        "xlnet/",
        "xlnet/peer/1/other",
        "xlnet/peer/1/offer/2",
        "/local/domain/",
        "/local/domain/3",
        "/local/domain/0/data/xlnet",
        "/local/domain/x/data/xlnet",
        "/local/domain/3/data/other",
    ] {
        assert_eq!(Path::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn a_guest_of_version_1_is_told_in_its_own_part() {
    for (node, text) in [
        (Node::Peers, "/local/domain/3/data/xlnet/peer"),
        (Node::Offer(guest(4)), "/local/domain/3/data/xlnet/offer/4"),
    ] {
        let tree = Tree::OfVersion1(guest(3));
        assert_eq!(Path { tree, node }.to_string(), text);
    }
}

#[test]
fn domain_ids() {
    assert_eq!(DomId::new(0), None);
    assert_eq!(DomId::new(0x7ff0), None);
    assert_eq!(DomId::parse("1"), Ok(guest(1)));
    assert_eq!(DomId::parse("32751").unwrap().raw(), 0x7fef);
    assert_eq!(DomId::parse("0"), Err(error(Field::DomId, Kind::Range)));
    assert_eq!(DomId::parse("65537"), Err(error(Field::DomId, Kind::Range)));
    assert_eq!(DomId::parse("01"), Err(error(Field::DomId, Kind::Syntax)));
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

#[test]
fn the_metadata_is_a_virtio_net_hdr_and_a_protocol() {
    let meta = PacketMeta {
        virtio_net_hdr: [1, 4, 2, 1, 4, 3, 6, 5, 8, 7],
        ethertype: 0x86dd,
    };
    assert_eq!(meta.to_bytes(), [1, 4, 2, 1, 4, 3, 6, 5, 8, 7, 0xdd, 0x86]);
}

#[test]
fn a_full_list_refuses() {
    let mut list = List::<u8, 2>::new();
    assert!(list.is_empty());
    assert!(list.push(1).is_ok() && list.push(2).is_ok());
    assert!(list.push(3).is_err());
    assert_eq!(list.iter().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(list.len(), 2);
}

fn any_addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
    ]
}

/// Valid lists: whatever `push` refuses is left out.
fn any_addrs() -> impl Strategy<Value = Addrs> {
    proptest::collection::vec(any_addr(), 0..=MAX_ADDRS).prop_map(|all| {
        let mut addrs = Addrs::new();
        for addr in all {
            let _ = addrs.push(addr);
        }
        addrs
    })
}

fn any_mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_filter_map("unicast", |octets| Mac::new(octets).ok())
}

fn any_guest() -> impl Strategy<Value = DomId> {
    (1..0x7ff0u16).prop_map(guest)
}

fn any_node() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(Node::Root),
        Just(Node::Version),
        Just(Node::Features),
        Just(Node::Instance),
        Just(Node::Mac),
        Just(Node::Addr),
        Just(Node::Offers),
        any_guest().prop_map(Node::Offer),
        any_guest().prop_map(Node::Traffic),
        Just(Node::Told),
        Just(Node::Why),
        Just(Node::Peers),
        any_guest().prop_map(Node::Peer),
        any_guest().prop_map(Node::PeerOffer),
    ]
}

/// Text that is nearly right: pieces of the schema in any order, among arbitrary characters.
fn near_miss() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("version=1".to_string()),
        Just(" nonce=0123456789abcdef".to_string()),
        Just(" generation=".to_string()),
        Just(" grant=9 port=0".to_string()),
        Just("/local/domain/".to_string()),
        Just("data/xlnet/".to_string()),
        Just("xlnet/peer/".to_string()),
        Just("00:16:3e:".to_string()),
        Just("10.0.0.1 ".to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        ".{0,8}".prop_map(|text| text),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn adverts_round_trip(old: bool, features: u32, instance: u64, mac in any_mac(), addrs in any_addrs()) {
        let version = if old { Version::One } else { Version::Two };
        let advert = Advert { version, features, instance, mac, addrs };
        let nodes = advert.nodes();
        let text = |node| {
            let value = nodes.iter().find(|(known, _)| *known == node);
            value.map(|(_, value)| value.to_string()).unwrap()
        };
        let (version, features, instance) =
            (text(Node::Version), text(Node::Features), text(Node::Instance));
        let (mac, addr) = (text(Node::Mac), text(Node::Addr));
        prop_assert_eq!(nodes[4].0, Node::Version);
        prop_assert_eq!(
            Advert::parse(&AdvertText {
                version: &version,
                features: Some(&features),
                instance: Some(&instance),
                mac: Some(&mac),
                addr: Some(&addr),
            }),
            Ok(advert)
        );
    }

    #[test]
    fn peer_entries_round_trip(
        nonce: u64, peer in any_guest(), mac in any_mac(), addrs in any_addrs(), own in any_addrs(),
    ) {
        let entry = PeerEntry { mac, addrs, own, nonce };
        prop_assert_eq!(PeerEntry::parse(&entry.to_string()), Ok(entry));
        prop_assert_eq!(entry.nodes_of_version1(peer)[3].0, Node::PeerNonce(peer));
    }

    #[test]
    fn offers_round_trip(nonce: u64, generation: u32, grant in 8u32.., port in 0u32..1 << 17) {
        let offer = Offer {
            channel: ChannelId { nonce, generation },
            grant,
            port: (port != 0).then_some(port),
        };
        prop_assert_eq!(Offer::parse(&offer.to_string()), Ok(offer));
    }

    #[test]
    fn paths_round_trip(of in proptest::option::of(any_guest()), node in any_node()) {
        let path = of.map_or(Path::own(node), |guest| Path::of(guest, node));
        prop_assert_eq!(Path::parse(&path.to_string()), Some(path));
    }

    #[test]
    fn metadata_round_trips(bytes: [u8; PacketMeta::SIZE]) {
        prop_assert_eq!(PacketMeta::from_bytes(bytes).to_bytes(), bytes);
    }

    /// One value has one spelling: what is read is written the same.
    #[test]
    fn nothing_panics_and_what_is_read_is_written_the_same(
        text in prop_oneof![near_miss(), "\\PC*".prop_map(|text| text)],
    ) {
        if let Ok(offer) = Offer::parse(&text) {
            prop_assert_eq!(offer.to_string(), text.as_str());
        }
        if let Some(path) = Path::parse(&text) {
            prop_assert_eq!(path.to_string(), text.as_str());
        }
        if let Ok(mac) = Mac::parse(&text) {
            prop_assert_eq!(mac.to_string(), text.to_ascii_lowercase());
        }
        if let Ok(domid) = DomId::parse(&text) {
            prop_assert_eq!(domid.to_string(), text.as_str());
        }
        if let Ok(addrs) = Addrs::parse(&text) {
            prop_assert_eq!(Addrs::parse(&addrs.to_string()), Ok(addrs));
        }
        let _ = Addrs::parse_restriction(&text);
        let _ = PeerEntry::parse(&text);
        for field in 0..5 {
            let mut advert = ADVERT;
            match field {
                0 => advert.version = &text,
                1 => advert.features = Some(&text),
                2 => advert.instance = Some(&text),
                3 => advert.mac = Some(&text),
                _ => advert.addr = Some(&text),
            }
            let _ = Advert::parse(&advert);
        }
    }
}

#[test]
fn a_wish_is_read_as_written() {
    let mut wish = Wish::new(4);
    for last in 1..4 {
        wish.push(Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap())
            .unwrap();
    }
    let text = "room=4 mac=00:16:3e:00:00:01 mac=00:16:3e:00:00:02 mac=00:16:3e:00:00:03";
    assert_eq!(wish.to_string(), text);
    assert_eq!(Wish::parse(text), Ok(wish));
    assert_eq!(Wish::parse("room=0"), Ok(Wish::new(0)));
    assert_eq!(Path::own(Node::Wish).to_string(), "data/xlnet/wish");
}

#[test]
fn a_bad_wish_is_refused_as_a_whole() {
    for (text, field, kind) in [
        ("", Field::Wish, Kind::Syntax),
        ("4", Field::Wish, Kind::Syntax),
        ("room=04", Field::Wish, Kind::Syntax),
        ("room=65536", Field::Wish, Kind::Range),
        ("room=4 ", Field::Wish, Kind::Syntax),
        ("room=4 00:16:3e:00:00:01", Field::Wish, Kind::Syntax),
        ("room=4 mac=00:16:3e:00:00", Field::Mac, Kind::Syntax),
        ("room=4 mac=ff:ff:ff:ff:ff:ff", Field::Mac, Kind::NotUnicast),
        (
            "room=4 mac=00:16:3e:00:00:01 mac=00:16:3e:00:00:01",
            Field::Wish,
            Kind::Duplicate,
        ),
    ] {
        assert_eq!(Wish::parse(text), Err(error(field, kind)), "{text}");
    }
    let macs: Vec<_> = (0..65)
        .map(|last| format!("mac=00:16:3e:00:00:{last:02x}"))
        .collect();
    let many = macs.join(" ");
    let too_many = Err(error(Field::Wish, Kind::TooMany));
    assert_eq!(Wish::parse(&format!("room=4 {many}")), too_many);
}
