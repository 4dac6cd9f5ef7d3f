// SPDX-License-Identifier: GPL-2.0

//! The administrator's policy, as it is read.

use proptest::prelude::*;
use xlnet_protocol::policy::{GuestLine, Line, NotUnderstood};
use xlnet_protocol::roster::BridgeWish;
use xlnet_protocol::{Reason, Reasons};

fn read(text: &str) -> Line<'_> {
    Line::parse(text).unwrap().unwrap()
}

#[test]
fn lines_are_read() {
    let ignored = BridgeWish {
        ignored: true,
        ..BridgeWish::default()
    };
    assert_eq!(read("off"), Line::Off);
    assert_eq!(read(" dry-run "), Line::DryRun);
    assert_eq!(read("bridge * ignore"), Line::OtherBridges(ignored));
    assert_eq!(
        read("bridge\txenbr0.5  serve"),
        Line::Bridge("xenbr0.5", BridgeWish::default())
    );
    let mut overridden = Reasons::of(Reason::BridgeFilter);
    overridden.add(Reason::Qdisc, true);
    let wish = BridgeWish {
        ignored: false,
        metered: true,
        overridden,
    };
    let text = "bridge xenbr0 serve metered override=bridge-filter,qdisc";
    assert_eq!(read(text), Line::Bridge("xenbr0", wish));
    let line = GuestLine {
        denied: false,
        metered: true,
        group: Some("web"),
    };
    assert_eq!(
        read("guest g1 allow metered group=web"),
        Line::Guest("g1", line)
    );
    assert!(matches!(read("guest g1 deny"), Line::Guest("g1", line) if line.denied));
}

#[test]
fn blank_lines_and_comments_say_nothing() {
    for text in ["", "  ", "# off", "#off"] {
        assert_eq!(Line::parse(text), Ok(None));
    }
}

#[test]
fn what_is_not_understood_is_named() {
    for (text, word) in [
        ("of", "of"),
        ("off now", "now"),
        ("bridge", ""),
        ("bridge xenbr0", ""),
        ("bridge xenbr0 allow", "allow"),
        ("bridge xenbr0 serve override=", ""),
        (
            "bridge xenbr0 serve override=bridge-filter,isolated",
            "isolated",
        ),
        ("bridge xenbr0 serve group=a", "group=a"),
        ("guest g1 serve", "serve"),
        ("guest g1 allow group=", "group="),
        ("guest g1 allow deny", "deny"),
    ] {
        assert_eq!(Line::parse(text), Err(NotUnderstood(word)), "{text}");
    }
}

#[test]
fn only_limits_and_filters_can_be_overridden() {
    let names = [
        (Reason::NotFlooded, "not-flooded"),
        (Reason::Rate, "rate"),
        (Reason::Qdisc, "qdisc"),
        (Reason::TrafficControl, "tc"),
        (Reason::Xdp, "xdp"),
        (Reason::VifFilter, "vif-filter"),
        (Reason::BridgeFilter, "bridge-filter"),
        (Reason::IpFilter, "ip-filter"),
    ];
    for reason in Reason::ALL {
        let name = names.iter().find(|(named, _)| *named == reason);
        assert_eq!(reason.override_name(), name.map(|(_, name)| *name));
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "(off|bridge|guest|serve|allow|override=|group=|[ ,a-z*#\\PC])*") {
        let _ = Line::parse(&text);
    }
}
