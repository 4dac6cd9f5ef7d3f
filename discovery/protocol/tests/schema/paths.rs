// SPDX-License-Identifier: GPL-2.0

//! Paths, and the ids of domains in them.

use proptest::prelude::*;
use xlnet_protocol::{DomId, Field, Kind, Node, Path, Tree};

use crate::any::any_guest;
use crate::{error, guest};

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

proptest! {
    #[test]
    fn paths_round_trip(of in proptest::option::of(any_guest()), node in any_node()) {
        let path = of.map_or(Path::own(node), |guest| Path::of(guest, node));
        prop_assert_eq!(Path::parse(&path.to_string()), Some(path));
    }
}
