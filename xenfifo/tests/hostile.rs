// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A peer that owns its pages and writes to them what it likes, when it likes.
//!
//! Between any two reads of the half under test it changes a control word or a byte of its ring:
//! to garbage, or to something that is nearly right. `common/liar.rs` has what must hold all the
//! same; the fuzz targets run the same lives.

#[path = "common/consumer.rs"]
mod consumer;
#[path = "common/liar.rs"]
mod liar;
#[path = "common/paged.rs"]
mod paged;
#[path = "common/producer.rs"]
mod producer;

use std::cell::RefCell;
use std::rc::Rc;

use consumer::a_consumer_survives;
use liar::Lie;
use paged::{Control, PeerControl};
use producer::a_producer_survives;
use proptest::prelude::*;
use xenfifo::layout::{MAGIC, USER_AREA, VERSION};
use xenfifo::{Broken, ControlHeader, HeaderError, OwnControl as _, State, Word};

fn index_word() -> impl Strategy<Value = Word> {
    prop_oneof![Just(Word::Producer), Just(Word::Consumer)]
}

fn lie() -> impl Strategy<Value = Lie> {
    let event = prop_oneof![Just(Word::ProducerEvent), Just(Word::ConsumerEvent)];
    let len = prop_oneof![9 => 1..300u32, 1 => Just(4080), 1 => Just(4081), 1 => any::<u32>(),
        1 => (0..48u32).prop_map(|n| u32::MAX - n)];
    prop_oneof![
        6 => Just(Lie::Nothing),
        1 => (index_word(), any::<u32>()).prop_map(|(word, value)| Lie::Word(word, value)),
        2 => (event, any::<u32>()).prop_map(|(word, value)| Lie::Word(word, value)),
        6 => (index_word(), 0..20).prop_map(|(word, n)| Lie::Move(word, n, 0)),
        1 => (index_word(), -3..300, prop_oneof![Just(0), 0..16u32])
            .prop_map(|(word, n, rest)| Lie::Move(word, n, rest)),
        3 => (any::<u32>(), any::<u8>()).prop_map(|(at, byte)| Lie::Byte(at, byte)),
        6 => (0..20u32, len).prop_map(|(at, len)| Lie::Length(at, len)),
    ]
}

fn index() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), (0..5_000u32).prop_map(|n| n.wrapping_neg() & !15)]
}

/// The kinds of calls: what they mean is up to the half.
fn calls() -> impl Strategy<Value = Vec<(u8, u32)>> {
    prop::collection::vec((0..5u8, prop_oneof![1..300u32, 1..5000u32]), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 2000 } else { 10_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn consumers_survive(
        index in index(), calls in calls(), lies in prop::collection::vec(lie(), 0..200)
    ) {
        a_consumer_survives(index, calls, lies);
    }

    #[test]
    fn producers_survive(
        index in index(), calls in calls(), lies in prop::collection::vec(lie(), 0..200)
    ) {
        a_producer_survives(index, calls, lies);
    }

    #[test]
    fn a_header_is_what_the_peer_wrote_or_an_error(
        words in prop::collection::vec((0..9usize, prop_oneof![
            any::<u32>(), Just(0), Just(1), Just(MAGIC), Just(4096), Just(3 << 12),
        ]), 0..4)
    ) {
        const WORDS: [Word; 9] = [
            Word::Magic, Word::Version, Word::HeaderLen, Word::RingBytes, Word::Features,
            Word::Generation, Word::CookieLow, Word::CookieHigh, Word::State,
        ];
        let honest = ControlHeader::new(8192, 5, 0x0123_4567_89ab_cdef).unwrap();
        let control = Control::new();
        let peer = PeerControl(control.clone(), Rc::new(RefCell::new(|| ())));
        honest.write(&control);
        let mut page = [MAGIC, VERSION, USER_AREA, 8192, 0, 5, 0x89ab_cdef, 0x0123_4567, 0];
        for (word, value) in words {
            control.store_relaxed(WORDS[word], value);
            page[word] = value;
        }
        let [magic, version, header_len, ring, features, generation, low, high, state] = page;
        let expected = if magic != MAGIC {
            Err(HeaderError::Magic)
        } else if version != VERSION {
            Err(HeaderError::Version(version))
        } else if header_len != USER_AREA {
            Err(HeaderError::HeaderLen(header_len))
        } else if features != 0 {
            Err(HeaderError::Features(features))
        } else {
            let cookie = (u64::from(high) << 32) | u64::from(low);
            ControlHeader::new(ring, generation, cookie).map_err(HeaderError::Geometry)
        };
        prop_assert_eq!(ControlHeader::read(&peer), expected);
        let states = [State::Init, State::Ready, State::Closing, State::Closed];
        let expected = states.get(state as usize).copied().ok_or(Broken::State);
        prop_assert_eq!(State::load(&peer), expected);
    }
}
