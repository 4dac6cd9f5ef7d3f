// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Random sequences of calls against a plain queue: what comes out is what went in, and every
//! answer (full, free, drained, notify, sleep) is the one that exact arithmetic gives.

#[path = "common/ends.rs"]
mod ends;
#[path = "common/paged.rs"]
mod paged;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use ends::Ends;
use paged::{OwnRing, Paged, PeerControl, PeerRing};
use proptest::prelude::*;
use xenfifo::{host, Consumer, Memory, Producer, PushError, Unreadable, MAX_RECORD};

#[derive(Clone, Debug)]
enum Op {
    Push(Vec<u32>),
    PushUnreadable(u32, u32),
    Publish,
    WaitFor(u32),
    Consume(u32),
    ConsumerPublish,
    Wait,
    Ask(u32),
}

fn len() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 1..200u32,
        2 => 200..4100u32,
        1 => 4000..(MAX_RECORD + 40),
        1 => prop_oneof![Just(0), Just(4080), Just(4081), Just(8176), Just(MAX_RECORD)],
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => prop_oneof![
            len().prop_map(|n| vec![n]),
            prop::collection::vec(0..900u32, 0..6),
        ].prop_map(Op::Push),
        1 => (len(), 0..4u32).prop_map(|(n, pieces)| Op::PushUnreadable(n, pieces)),
        3 => Just(Op::Publish),
        1 => len().prop_map(Op::WaitFor),
        5 => (1..8u32).prop_map(Op::Consume),
        3 => Just(Op::ConsumerPublish),
        1 => Just(Op::Wait),
        1 => len().prop_map(Op::Ask),
    ]
}

/// The same channel with indices that never wrap.
struct Model {
    size: u64,
    max: u64,
    head: u64,
    published: u64,
    consumed: u64,
    given_back: u64,
    /// `None`: passed, or never armed.
    producer_event: Option<u64>,
    consumer_event: Option<u64>,
    /// Metadata, packets, and the index behind each.
    queue: VecDeque<([u8; 12], Vec<u8>, u64)>,
}

fn record(len: u64) -> u64 {
    16 + len.div_ceil(16) * 16
}

fn moved(event: &mut Option<u64>, to: u64) -> bool {
    let passed = event.is_some_and(|event| event < to);
    if passed {
        *event = None;
    }
    passed
}

impl Model {
    fn free(&self) -> u64 {
        self.size - (self.head - self.given_back)
    }

    fn fits(&self, len: u64) -> bool {
        len <= self.max && record(len) <= self.free()
    }

    /// What a push of `len` bytes must give.
    fn verdict(&self, len: u64) -> Result<(), PushError> {
        if len == 0 || len > self.max {
            Err(PushError::TooLong)
        } else if self.fits(len) {
            Ok(())
        } else {
            Err(PushError::Full)
        }
    }

    fn push(&mut self, meta: [u8; 12], packet: Vec<u8>) {
        self.head += record(packet.len() as u64);
        self.queue.push_back((meta, packet, self.head));
    }
}

fn check<M: Memory>(
    (mut tx, mut rx): (Producer<M>, Consumer<M>),
    ops: &[Op],
) -> Result<(), TestCaseError> {
    let size = u64::from(tx.capacity());
    let mut m = Model {
        size,
        max: (size - 16).min(u64::from(MAX_RECORD)),
        head: 0,
        published: 0,
        consumed: 0,
        given_back: 0,
        producer_event: Some(0),
        consumer_event: None,
        queue: VecDeque::new(),
    };
    prop_assert_eq!(u64::from(tx.max_len()), m.max);
    let mut seed = 0u8;
    for op in ops {
        match op {
            Op::Push(fragments) => {
                seed = seed.wrapping_add(1);
                let total: u32 = fragments.iter().sum();
                let packet: Vec<u8> = (0..total)
                    .map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ seed)
                    .collect();
                let mut rest = &packet[..];
                let mut pieces = Vec::new();
                for n in fragments {
                    let (piece, left) = rest.split_at(*n as usize);
                    pieces.push(piece);
                    rest = left;
                }
                let verdict = m.verdict(u64::from(total));
                prop_assert_eq!(tx.push([seed; 12], &pieces), verdict);
                if verdict.is_ok() {
                    m.push([seed; 12], packet);
                }
            }
            Op::PushUnreadable(len, after) => {
                let mut left = *after;
                let result = tx.push_with([0xee; 12], *len, |_, piece| {
                    piece.fill(0xee);
                    left = left.checked_sub(1).ok_or(Unreadable)?;
                    Ok(())
                });
                // Whether the packet has enough pieces to fail depends on the memory.
                match m.verdict(u64::from(*len)) {
                    Ok(()) if result.is_ok() => m.push([0xee; 12], vec![0xee; *len as usize]),
                    Ok(()) => prop_assert_eq!(result, Err(PushError::Unreadable)),
                    error => prop_assert_eq!(result, error),
                }
            }
            Op::Publish => {
                let moves = m.head > m.published;
                m.published = m.head;
                let notify = moves && moved(&mut m.producer_event, m.head);
                prop_assert_eq!(tx.publish(), Ok(notify));
            }
            Op::WaitFor(len) => {
                let size = record(u64::from(*len).min(m.max));
                let fits = size <= m.free();
                if !fits {
                    m.consumer_event = Some(m.head + size - m.size - 16);
                }
                prop_assert_eq!(tx.wait_for(*len), Ok(fits));
            }
            Op::Consume(n) => {
                for _ in 0..*n {
                    let there = m
                        .queue
                        .front()
                        .is_some_and(|(_, _, end)| *end <= m.published);
                    let Some(record) = rx.peek().unwrap() else {
                        prop_assert!(!there);
                        break;
                    };
                    prop_assert!(there);
                    let (meta, packet, end) = m.queue.pop_front().unwrap();
                    m.consumed = end;
                    prop_assert_eq!(record.meta(), meta);
                    prop_assert_eq!(record.len() as usize, packet.len());
                    let mut got = vec![0; packet.len()];
                    let (first, second) = got.split_at_mut(packet.len() / 3);
                    record.copy_to(0, first).unwrap();
                    record.copy_to(first.len(), second).unwrap();
                    prop_assert!(got == packet);
                    prop_assert!(record.copy_to(1, &mut got).is_err());
                    prop_assert!(record.copy_to(usize::MAX, &mut got).is_err());
                    record.consume();
                }
            }
            Op::ConsumerPublish => {
                let moves = m.consumed > m.given_back;
                m.given_back = m.consumed;
                let notify = moves && moved(&mut m.consumer_event, m.consumed);
                prop_assert_eq!(rx.publish(), notify);
            }
            Op::Wait => {
                let there = m.consumed < m.published;
                if !there {
                    m.producer_event = Some(m.consumed);
                }
                prop_assert_eq!(rx.wait(), Ok(there));
            }
            Op::Ask(len) => {
                prop_assert_eq!(tx.free().map(u64::from), Ok(m.free()));
                prop_assert_eq!(tx.fits(*len), Ok(m.fits(u64::from(*len))));
                prop_assert_eq!(tx.is_drained(), Ok(m.given_back == m.published));
            }
        }
    }
    Ok(())
}

/// Both halves in pages, starting at `index`.
fn in_pages(ring_bytes: u32, index: u32) -> (Producer<Paged>, Consumer<Paged>) {
    let ends = Ends::create(ring_bytes);
    let of_producer = host::PeerPages::map(&ends.producer).unwrap();
    let of_consumer = host::PeerPages::map(&ends.consumer).unwrap();
    let no_hook = || Rc::new(RefCell::new(|| ()));
    let (control, ring) = ends.producer.split();
    let peer = PeerControl(of_consumer.control(), no_hook());
    let tx = Producer::starting_at(control, peer, OwnRing(ring), index).unwrap();
    let (control, _) = ends.consumer.split();
    let peer = PeerControl(of_producer.control(), no_hook());
    let ring = PeerRing(of_producer.ring(), no_hook());
    let rx = Consumer::starting_at(control, peer, ring, index).unwrap();
    (tx, rx)
}

/// Both halves in the host's contiguous rings, starting at `index`.
fn contiguous(ring_bytes: u32, index: u32) -> (Producer<host::Host>, Consumer<host::Host>) {
    let ends = Ends::create(ring_bytes);
    let of_producer = host::PeerPages::map(&ends.producer).unwrap();
    let of_consumer = host::PeerPages::map(&ends.consumer).unwrap();
    let (control, ring) = ends.producer.split();
    let tx = Producer::starting_at(control, of_consumer.control(), ring, index).unwrap();
    let (control, _) = ends.consumer.split();
    let (peer, ring) = (of_producer.control(), of_producer.ring());
    let rx = Consumer::starting_at(control, peer, ring, index).unwrap();
    (tx, rx)
}

fn index() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0),
        (0..20_000u32).prop_map(|n| n.wrapping_neg()),
        any::<u32>()
    ]
}

fn ring_bytes() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(4096), 2 => Just(8192), 1 => Just(16384), 1 => Just(131_072)]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 300 } else { 2000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn pages_behave_like_a_queue(
        ring in ring_bytes(), index in index(), ops in prop::collection::vec(op(), 1..200)
    ) {
        check(in_pages(ring, index), &ops)?;
    }

    #[test]
    fn contiguous_memory_behaves_like_a_queue(
        ring in ring_bytes(), index in index(), ops in prop::collection::vec(op(), 1..200)
    ) {
        check(contiguous(ring, index), &ops)?;
    }
}
