// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Random sequences of calls against a plain queue, see `common/queue.rs`.

#[path = "common/ends.rs"]
mod ends;
#[path = "common/paged.rs"]
mod paged;
#[path = "common/queue.rs"]
mod queue;

use ends::Ends;
use proptest::prelude::*;
use queue::{check, in_pages, record, Op};
use xenfifo::{host, Consumer, Producer, MAX_RECORD};

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
        check(in_pages(ring, index), &ops);
    }

    #[test]
    fn contiguous_memory_behaves_like_a_queue(
        ring in ring_bytes(), index in index(), ops in prop::collection::vec(op(), 1..200)
    ) {
        check(contiguous(ring, index), &ops);
    }

    /// Who waits for so many bytes is told when they are there, and no earlier.
    #[test]
    fn a_consumer_is_told_of_what_it_waits_for(
        ring in ring_bytes(), index in index(), bytes in 0..20_000u32,
        lens in prop::collection::vec(0..900u32, 300)
    ) {
        let (mut tx, mut rx) = in_pages(ring, index);
        prop_assert!(!rx.wait_for(bytes).unwrap());
        let mut there = 0;
        for len in lens {
            if tx.push([0; 12], &[&vec![1; len as usize]]).is_err() {
                // Too full for another packet, as what is waited for may be.
                break;
            }
            there += record(len.into());
            let enough = there >= bytes.clamp(16, ring).into();
            prop_assert_eq!(tx.publish(), Ok(enough));
            if enough {
                prop_assert!(rx.wait_for(bytes).unwrap());
                break;
            }
        }
    }
}
