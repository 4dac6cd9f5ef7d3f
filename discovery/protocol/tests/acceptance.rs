// SPDX-License-Identifier: GPL-2.0

//! What a guest says of the packets that it takes, as words and back.

use std::net::IpAddr;

use xlnet_protocol::{Acceptance, Accepted, FurtherQueuePairs, MAX_ACCEPTED};

// Behind the further queue pairs, on a line of its own: docs/protocol.md.
const _: () = assert!(0x100 + 4 * Acceptance::REVISION == 0x920);
const _: () = assert!(Acceptance::REVISION >= FurtherQueuePairs::OFFSET + FurtherQueuePairs::WORDS);
const _: () = assert!(0x100 + 4 * (Acceptance::OFFSET + Acceptance::WORDS) <= 0x1000);

fn accepted(addresses: &[&str]) -> Accepted {
    let mut list = Accepted::new();
    for address in addresses {
        list.push(address.parse().unwrap()).unwrap();
    }
    list
}

#[test]
fn comes_back_as_it_was() {
    for addresses in [
        &[][..],
        &["10.0.0.1"],
        &["10.0.0.1", "2001:db8::1", "0.0.0.0"],
    ] {
        let said = Acceptance {
            list: 7,
            seen: u32::MAX,
            refused: 3,
            addresses: accepted(addresses),
        };
        assert_eq!(Acceptance::parse(&said.to_words()), Ok(said));
    }
}

#[test]
fn is_as_documented() {
    let said = Acceptance {
        list: 1,
        seen: 2,
        refused: 3,
        addresses: accepted(&["10.0.0.1"]),
    };
    let words = said.to_words();
    assert_eq!(words[..4], [1, 2, 3, 1]);
    let bytes: Vec<u8> = words[4..8]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    assert_eq!(
        bytes,
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]
    );
    assert!(words[8..].iter().all(|word| *word == 0));
}

#[test]
fn takes_as_many_as_there_may_be_and_no_more() {
    let mut words = [0; Acceptance::WORDS];
    words[3] = MAX_ACCEPTED as u32;
    let said = Acceptance::parse(&words).unwrap();
    assert_eq!(said.addresses.len(), MAX_ACCEPTED);
    let unspecified: IpAddr = "::".parse().unwrap();
    assert!(said.addresses.iter().all(|address| *address == unspecified));
    for count in [MAX_ACCEPTED as u32 + 1, u32::MAX] {
        words[3] = count;
        assert!(Acceptance::parse(&words).is_err());
    }
}
