// SPDX-License-Identifier: GPL-2.0

//! Adverts.

use proptest::prelude::*;
use xlnet_protocol::{Advert, AdvertText, Field, Kind, Node, Path, Version};

use crate::any::{any_addrs, any_mac};
use crate::error;

pub const ADVERT: AdvertText<'_> = AdvertText {
    version: "2",
    features: Some("0"),
    instance: Some("00c0ffee00c0ffee"),
    mac: Some("00:16:3e:00:00:01"),
    addr: Some("10.0.0.1 2001:db8::1"),
};

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
}
