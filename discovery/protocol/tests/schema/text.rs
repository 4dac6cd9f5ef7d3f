// SPDX-License-Identifier: GPL-2.0

//! Any text.

use proptest::prelude::*;
use xlnet_protocol::{Addrs, Advert, DomId, Mac, Offer, Path, PeerEntry};

use crate::advert::ADVERT;

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
