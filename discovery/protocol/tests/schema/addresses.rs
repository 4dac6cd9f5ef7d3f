// SPDX-License-Identifier: GPL-2.0

//! MACs and lists of addresses.

use xlnet_protocol::{Addrs, Field, Kind, Mac, MAX_ADDRS};

use crate::error;

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
