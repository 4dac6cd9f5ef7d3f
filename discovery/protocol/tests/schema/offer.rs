// SPDX-License-Identifier: GPL-2.0

//! Offers.

use proptest::prelude::*;
use xlnet_protocol::{ChannelId, Field, Kind, Offer};

use crate::refused_by_name;

const OFFER: &str = "version=1 nonce=0123456789abcdef generation=7 grant=9 port=12";

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

proptest! {
    #[test]
    fn offers_round_trip(nonce: u64, generation: u32, grant in 8u32.., port in 0u32..1 << 17) {
        let offer = Offer {
            channel: ChannelId { nonce, generation },
            grant,
            port: (port != 0).then_some(port),
        };
        prop_assert_eq!(Offer::parse(&offer.to_string()), Ok(offer));
    }
}
