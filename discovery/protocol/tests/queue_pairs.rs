// SPDX-License-Identifier: GPL-2.0

//! A channel's further queue pairs: what is written is read back, and whatever a peer writes in
//! its page is either refused by name or leads to as many different halves as it says.

use std::collections::HashSet;

use proptest::prelude::*;
use xlnet_protocol::{
    ChannelId, Field, FurtherQueuePairs, Kind, Offer, QueuePairOffer, SchemaError, MAX_QUEUE_PAIRS,
};

type Words = [u32; FurtherQueuePairs::WORDS];

fn offer(port: Option<u32>) -> Offer {
    Offer {
        channel: ChannelId {
            nonce: 1,
            generation: 2,
        },
        grant: 900,
        port,
    }
}

fn words(given: &[u32]) -> Words {
    let mut words = Words::default();
    words[..given.len()].copy_from_slice(given);
    words
}

fn refusal(given: &[u32], port: Option<u32>) -> SchemaError {
    FurtherQueuePairs::parse(&words(given), &offer(port)).unwrap_err()
}

fn error(field: Field, kind: Kind) -> SchemaError {
    SchemaError { field, kind }
}

#[test]
fn what_is_written_is_read_back() {
    for port in [Some(17), None] {
        let mut pairs = FurtherQueuePairs::default();
        for i in 1..MAX_QUEUE_PAIRS as u32 {
            let half = QueuePairOffer {
                grant: 900 + i,
                port: port.map(|port| port + i),
            };
            pairs.push(half).unwrap();
            let read = FurtherQueuePairs::parse(&pairs.to_words(), &offer(port));
            assert_eq!((read, pairs.len()), (Ok(pairs), i as usize));
        }
        let one_more = QueuePairOffer {
            grant: 1000,
            port: None,
        };
        assert!(pairs.push(one_more).is_err());
    }
}

#[test]
fn a_page_of_zeros_means_one_queue_pair() {
    let read = FurtherQueuePairs::parse(&Words::default(), &offer(Some(17))).unwrap();
    assert!(read.is_empty());
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let port = Some(17);
    let too_many = MAX_QUEUE_PAIRS as u32;
    assert_eq!(
        refusal(&[too_many], port),
        error(Field::QueuePairs, Kind::Range)
    );
    assert_eq!(
        refusal(&[u32::MAX], port),
        error(Field::QueuePairs, Kind::Range)
    );
    // A reference of the console's or XenStore's.
    assert_eq!(refusal(&[1, 7, 18], port), error(Field::Grant, Kind::Range));
    // No port where one is due, one where none is, one that no domain has.
    assert_eq!(refusal(&[1, 901, 0], port), error(Field::Port, Kind::Range));
    assert_eq!(
        refusal(&[1, 901, 18], None),
        error(Field::Port, Kind::Range)
    );
    assert_eq!(
        refusal(&[1, 901, 1 << 17], port),
        error(Field::Port, Kind::Range)
    );
    // The first pair's, or one another's.
    assert_eq!(
        refusal(&[1, 900, 18], port),
        error(Field::Grant, Kind::Duplicate)
    );
    assert_eq!(
        refusal(&[2, 901, 18, 901, 19], port),
        error(Field::Grant, Kind::Duplicate)
    );
    assert_eq!(
        refusal(&[1, 901, 17], port),
        error(Field::Port, Kind::Duplicate)
    );
    assert_eq!(
        refusal(&[2, 901, 18, 902, 18], port),
        error(Field::Port, Kind::Duplicate)
    );
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_as_many_different_halves(
        count in 0..6u32,
        halves in proptest::array::uniform6(prop_oneof![0..24u32, any::<u32>()]),
        port in proptest::option::of(1..24u32),
    ) {
        let mut given = Words::default();
        given[0] = count;
        given[1..].copy_from_slice(&halves);
        let first = Offer { grant: 9, ..offer(port) };
        if let Ok(pairs) = FurtherQueuePairs::parse(&given, &first) {
            prop_assert_eq!(pairs.len(), count as usize);
            prop_assert!(pairs.len() < MAX_QUEUE_PAIRS);
            let all = || pairs.iter().copied().chain([QueuePairOffer::from(&first)]);
            let grants: HashSet<_> = all().map(|half| half.grant).collect();
            prop_assert_eq!(grants.len(), pairs.len() + 1);
            let ports: HashSet<_> = all().filter_map(|half| half.port).collect();
            prop_assert_eq!(ports.len(), if port.is_some() { pairs.len() + 1 } else { 0 });
        }
    }
}
