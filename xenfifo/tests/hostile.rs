// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A peer that owns its pages and writes to them what it likes, when it likes.
//!
//! Between any two reads of the half under test it changes a control word or a byte of its ring:
//! to garbage, or to something that is nearly right. Whatever it does: no panic, no read outside
//! the ring ([`paged::PeerRing`] asserts that), no call that looks at the peer more than a
//! bounded number of times, one `Broken` that sticks, and no look at the peer after it.

#[path = "common/ends.rs"]
mod ends;
#[path = "common/paged.rs"]
mod paged;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ends::Ends;
use paged::{Hook, OwnRing, Paged, PeerControl, PeerRing};
use proptest::prelude::*;
use xenfifo::layout::{MAGIC, USER_AREA, VERSION};
use xenfifo::{host, Broken, Consumer, ControlHeader, HeaderError, Producer, PushError, State};
use xenfifo::{OwnControl as _, OwnRing as _, Word};

/// What the peer does to its pages at one moment.
#[derive(Clone, Debug)]
enum Lie {
    /// Leave them as they are.
    Nothing,
    /// Store anything in a word.
    Word(Word, u32),
    /// Move an index by a little, honest or not: in units of 16 bytes, and some bytes.
    Move(Word, i32, u32),
    /// Store a byte in the ring.
    Byte(u32, u8),
    /// Store a plausible length at a multiple of 16 in the ring.
    Length(u32, u32),
}

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

/// The peer's side of the pages, and what it stored in its indices.
struct Liar {
    control: host::OwnControl,
    ring: host::OwnRing,
    producer: u32,
    consumer: u32,
    lies: std::vec::IntoIter<Lie>,
}

impl Liar {
    fn new(pages: host::OwnPages, index: u32, lies: Vec<Lie>) -> Self {
        let (control, ring) = pages.split();
        let mut liar = Self {
            control,
            ring,
            producer: index,
            consumer: index,
            lies: lies.into_iter(),
        };
        liar.store(Word::Producer, index);
        liar.store(Word::Consumer, index);
        liar
    }

    fn lie(&mut self) {
        match self.lies.next().unwrap_or(Lie::Nothing) {
            Lie::Nothing => (),
            Lie::Word(word, value) => self.store(word, value),
            Lie::Move(word, granules, rest) => {
                let old = match word {
                    Word::Producer => self.producer,
                    _ => self.consumer,
                };
                let by = (granules * 16) as u32;
                self.store(word, old.wrapping_add(by).wrapping_add(rest));
            }
            Lie::Byte(at, byte) => self.ring.with_chunk(at, 1, |piece| piece.fill(byte)),
            Lie::Length(granule, len) => self.ring.with_chunk(granule * 16, 4, |piece| {
                piece.copy_from_slice(&len.to_le_bytes());
            }),
        }
    }

    fn store(&mut self, word: Word, value: u32) {
        match word {
            Word::Producer => self.producer = value,
            Word::Consumer => self.consumer = value,
            _ => (),
        }
        self.control.store_release(word, value);
    }
}

/// Counts the looks at the peer, and lets it lie before each.
struct Watch {
    looks: Rc<Cell<u32>>,
    hook: Hook,
}

impl Watch {
    fn new(mut liar: Liar) -> Self {
        let looks = Rc::new(Cell::new(0));
        let counter = looks.clone();
        let hook: Hook = Rc::new(RefCell::new(move || {
            counter.set(counter.get() + 1);
            liar.lie();
        }));
        Self { looks, hook }
    }

    /// Runs one call. After the first `Broken` the result is that one, without a look.
    fn call<T>(
        &self,
        broken: &mut Option<Broken>,
        most: u32,
        call: impl FnOnce() -> Result<T, Broken>,
    ) -> Result<Option<T>, TestCaseError> {
        let before = self.looks.get();
        let result = call();
        let looks = self.looks.get() - before;
        prop_assert!(looks <= most, "{} looks", looks);
        match (result, *broken) {
            (Ok(value), None) => Ok(Some(value)),
            (Ok(_), Some(reason)) => Err(TestCaseError::fail(format!("Ok after {reason:?}"))),
            (Err(reason), None) => {
                *broken = Some(reason);
                Ok(None)
            }
            (Err(reason), Some(first)) => {
                prop_assert_eq!(reason, first);
                prop_assert_eq!(looks, 0);
                Ok(None)
            }
        }
    }
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
    fn a_consumer_survives(
        index in index(), calls in calls(), lies in prop::collection::vec(lie(), 0..200)
    ) {
        let ends = Ends::create(4096);
        let pages = host::PeerPages::map(&ends.producer).unwrap();
        let watch = Watch::new(Liar::new(ends.producer, index, lies));
        let peer = PeerControl(pages.control(), watch.hook.clone());
        let ring = PeerRing(pages.ring(), watch.hook.clone());
        let mut rx =
            Consumer::<Paged>::starting_at(ends.consumer.split().0, peer, ring, index).unwrap();

        let mut broken = None;
        // Bytes consumed since the last publish: never more than the ring.
        let mut taken = 0;
        for (call, n) in calls {
            match call {
                0 => {
                    watch.call(&mut broken, 1, || rx.wait())?;
                }
                1 => {
                    let before = watch.looks.get();
                    prop_assert!(!rx.publish() || broken.is_none());
                    prop_assert!(broken.is_none() || watch.looks.get() == before);
                    taken = 0;
                }
                2 => {
                    // Seen and left: it may be another one the next time.
                    watch.call(&mut broken, 2, || rx.peek().map(|r| r.map(|r| r.len())))?;
                }
                _ => {
                    // One look at the index, one at the header, the packet on at most two pages.
                    let len = watch.call(&mut broken, 4, || {
                        let Some(record) = rx.peek()? else { return Ok(None) };
                        assert!((1..=4080).contains(&record.len()));
                        let mut packet = vec![0; record.len() as usize];
                        let at = packet.len() / 2;
                        record.copy_to(at, &mut packet[at..]).unwrap();
                        assert!(record.copy_to(n as usize, &mut packet).is_err());
                        let len = record.len();
                        record.consume();
                        Ok(Some(len))
                    })?;
                    if let Some(Some(len)) = len {
                        taken += 16 + len.div_ceil(16) * 16;
                        prop_assert!(taken <= 4096);
                    }
                }
            }
        }
    }

    #[test]
    fn a_producer_survives(
        index in index(), calls in calls(), lies in prop::collection::vec(lie(), 0..200)
    ) {
        let ends = Ends::create(4096);
        let pages = host::PeerPages::map(&ends.consumer).unwrap();
        let watch = Watch::new(Liar::new(ends.consumer, index, lies));
        let (control, ring) = ends.producer.split();
        let peer = PeerControl(pages.control(), watch.hook.clone());
        let mut tx =
            Producer::<Paged>::starting_at(control, peer, OwnRing(ring), index).unwrap();

        let mut broken = None;
        // Free bytes as far as known: only the peer can change them, and only to more.
        let mut room = 4096u32;
        for (call, len) in calls {
            let size = 16 + len.div_ceil(16) * 16;
            match call {
                0 => {
                    watch.call(&mut broken, 2, || tx.wait_for(len))?;
                }
                1 => {
                    watch.call(&mut broken, 1, || tx.publish())?;
                }
                2 => {
                    if let Some(free) = watch.call(&mut broken, 1, || tx.free())? {
                        prop_assert!(free >= room && free <= 4096);
                        room = free;
                    }
                    let fits = watch.call(&mut broken, 1, || tx.fits(len))?;
                    prop_assert!(fits != Some(false) || size > room);
                    watch.call(&mut broken, 1, || tx.is_drained())?;
                }
                _ => {
                    let packet = vec![2; len as usize];
                    let pushed = watch.call(&mut broken, 1, || {
                        match tx.push([1; 12], &[&packet]) {
                            Ok(()) => Ok(true),
                            Err(PushError::Broken(reason)) => Err(reason),
                            Err(PushError::Full) => Ok(false),
                            Err(reason) => {
                                assert_eq!((reason, len > 4080), (PushError::TooLong, true));
                                Ok(false)
                            }
                        }
                    })?;
                    if pushed == Some(true) {
                        room = room.saturating_sub(size);
                    }
                }
            }
        }
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
        let pages = host::OwnPages::create(8192, 0, 0).unwrap();
        let peer = host::PeerPages::map(&pages).unwrap().control();
        let (control, _ring) = pages.split();
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
