// SPDX-License-Identifier: GPL-2.0

//! What Neighbor Discovery says of who has an address.

use std::net::Ipv6Addr;

use proptest::prelude::*;
use xlnet_protocol::{NdpClaim, NdpMessage};

const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 9];
const SOURCE_OPTION: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 2];
const TARGET_OPTION: [u8; 8] = [2, 1, 2, 0, 0, 0, 0, 2];

fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn bytes(kind: u8, flags: u8, target: &str, options: &[u8]) -> Vec<u8> {
    let fixed = [kind, 0, 0, 0, flags, 0, 0, 0];
    [&fixed[..], &address(target).octets(), options].concat()
}

fn message(bytes: &[u8]) -> NdpMessage<'_> {
    NdpMessage {
        source: address("2001:db8::2"),
        destination: address("2001:db8::1"),
        hop_limit: 255,
        sender: SENDER,
        bytes,
    }
}

fn claim(address_of: &str, mac: [u8; 6], overrides: bool) -> Option<NdpClaim> {
    Some(NdpClaim {
        address: address(address_of),
        mac,
        overrides,
    })
}

#[test]
fn a_solicitation_tells_of_its_sender() {
    let asked = bytes(135, 0, "2001:db8::1", &SOURCE_OPTION);
    assert_eq!(
        NdpClaim::read(&message(&asked)),
        claim("2001:db8::2", PEER, true)
    );
    // Without the option nobody learns anything, and who looks whether an address is free has none.
    let silent = bytes(135, 0, "2001:db8::1", &[]);
    assert_eq!(NdpClaim::read(&message(&silent)), None);
    let detection = NdpMessage {
        source: Ipv6Addr::UNSPECIFIED,
        ..message(&asked)
    };
    assert_eq!(NdpClaim::read(&detection), None);
}

#[test]
fn an_advertisement_tells_of_its_target() {
    let answer = bytes(136, 0x60, "2001:db8::3", &TARGET_OPTION);
    assert_eq!(
        NdpClaim::read(&message(&answer)),
        claim("2001:db8::3", PEER, true)
    );
    // Who was asked alone leaves the option out.
    let alone = bytes(136, 0x40, "2001:db8::2", &[]);
    assert_eq!(
        NdpClaim::read(&message(&alone)),
        claim("2001:db8::2", SENDER, false)
    );
    // A proxy, or one of those who share an anycast address.
    let one_of_many = bytes(136, 0x40, "2001:db8::2", &TARGET_OPTION);
    assert_eq!(
        NdpClaim::read(&message(&one_of_many)),
        claim("2001:db8::2", PEER, false)
    );
}

#[test]
fn what_a_host_would_not_accept_says_nothing() {
    let answer = bytes(136, 0x60, "2001:db8::3", &TARGET_OPTION);
    let routed = NdpMessage {
        hop_limit: 254,
        ..message(&answer)
    };
    assert_eq!(NdpClaim::read(&routed), None);
    // An answer that nobody asked for says that somebody did.
    let to_all = NdpMessage {
        destination: address("ff02::1"),
        ..message(&answer)
    };
    assert_eq!(NdpClaim::read(&to_all), None);
    let unsolicited = bytes(136, 0x20, "2001:db8::3", &TARGET_OPTION);
    let to_all = NdpMessage {
        bytes: &unsolicited,
        ..to_all
    };
    assert_eq!(NdpClaim::read(&to_all), claim("2001:db8::3", PEER, true));

    let mut coded = answer.clone();
    coded[1] = 1;
    let group = bytes(136, 0x20, "ff02::3", &TARGET_OPTION);
    let no_length = bytes(136, 0x20, "2001:db8::3", &[14, 0, 0, 0, 0, 0, 0, 0]);
    let too_long = bytes(136, 0x20, "2001:db8::3", &[14, 2, 0, 0, 0, 0, 0, 0]);
    let ragged = bytes(136, 0x20, "2001:db8::3", &[2]);
    let advertised = bytes(134, 0, "2001:db8::3", &TARGET_OPTION);
    for refused in [&coded, &group, &no_length, &too_long, &ragged, &advertised] {
        assert_eq!(NdpClaim::read(&message(refused)), None, "{refused:?}");
    }
    for len in 0..24 {
        assert_eq!(NdpClaim::read(&message(&answer[..len])), None);
    }
}

#[test]
fn options_are_found_among_others() {
    let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
    let long = [[25, 2, 0, 0, 0, 0, 0, 0], [0; 8]].concat();
    let other = [1, 1, 2, 0, 0, 0, 0, 7];
    let options = [&nonce[..], &long, &SOURCE_OPTION, &other].concat();
    let asked = bytes(135, 0, "2001:db8::1", &options);
    assert_eq!(
        NdpClaim::read(&message(&asked)),
        claim("2001:db8::2", PEER, true)
    );
}

proptest! {
    #[test]
    fn nothing_that_is_received_panics(
        source: u128,
        destination: u128,
        hop_limit in prop_oneof![Just(255), any::<u8>()],
        kind in prop_oneof![Just(135), Just(136), any::<u8>()],
        rest in proptest::collection::vec(any::<u8>(), 0..128),
    ) {
        let bytes = [&[kind, 0][..], &rest].concat();
        let claim = NdpClaim::read(&NdpMessage {
            source: source.into(),
            destination: destination.into(),
            hop_limit,
            sender: SENDER,
            bytes: &bytes,
        });
        if let Some(claim) = claim {
            prop_assert_eq!(hop_limit, 255);
            prop_assert!(!claim.address.is_multicast() && !claim.address.is_unspecified());
        }
    }
}
