// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A sequence of calls against a plain queue: what comes out is what went in, and every answer
//! (full, free, drained, notify, sleep) is the one that exact arithmetic gives.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use xenfifo::{Consumer, Memory, Producer, PushError, Unreadable, MAX_RECORD};

use super::paged::{Control, Paged, PeerControl, PeerRing, Ring};

#[derive(Clone, Debug)]
pub enum Op {
    Push(Vec<u32>),
    PushUnreadable(u32, u32),
    Publish,
    WaitFor(u32),
    Consume(u32),
    ConsumerPublish,
    Wait,
    Ask(u32),
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

/// What a packet of `len` bytes takes in the ring, in bytes.
pub fn record(len: u64) -> u64 {
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

/// Does `ops` with both halves and with the model.
pub fn check<M: Memory>((mut tx, mut rx): (Producer<M>, Consumer<M>), ops: &[Op]) {
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
    assert_eq!(u64::from(tx.max_len()), m.max);
    assert_eq!(rx.size(), tx.capacity());
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
                assert_eq!(tx.push([seed; 12], &pieces), verdict);
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
                    Ok(()) => assert_eq!(result, Err(PushError::Unreadable)),
                    error => assert_eq!(result, error),
                }
            }
            Op::Publish => {
                let moves = m.head > m.published;
                m.published = m.head;
                let notify = moves && moved(&mut m.producer_event, m.head);
                assert_eq!(tx.publish(), Ok(notify));
            }
            Op::WaitFor(len) => {
                let size = record(u64::from(*len).min(m.max));
                let fits = size <= m.free();
                if !fits {
                    m.consumer_event = Some(m.head + size - m.size - 16);
                }
                assert_eq!(tx.wait_for(*len), Ok(fits));
            }
            Op::Consume(n) => {
                for _ in 0..*n {
                    let there = m
                        .queue
                        .front()
                        .is_some_and(|(_, _, end)| *end <= m.published);
                    let Some(record) = rx.peek().unwrap() else {
                        assert!(!there);
                        break;
                    };
                    assert!(there);
                    let (meta, packet, end) = m.queue.pop_front().unwrap();
                    m.consumed = end;
                    assert_eq!(record.meta(), meta);
                    assert_eq!(record.len() as usize, packet.len());
                    let mut got = vec![0; packet.len()];
                    let (first, second) = got.split_at_mut(packet.len() / 3);
                    record.copy_to(0, first).unwrap();
                    record.copy_to(first.len(), second).unwrap();
                    assert!(got == packet);
                    assert!(record.copy_to(1, &mut got).is_err());
                    assert!(record.copy_to(usize::MAX, &mut got).is_err());
                    record.consume();
                }
            }
            Op::ConsumerPublish => {
                let moves = m.consumed > m.given_back;
                m.given_back = m.consumed;
                let notify = moves && moved(&mut m.consumer_event, m.consumed);
                assert_eq!(rx.publish(), notify);
            }
            Op::Wait => {
                let there = m.consumed < m.published;
                if !there {
                    m.producer_event = Some(m.consumed);
                }
                assert_eq!(rx.wait(), Ok(there));
            }
            Op::Ask(len) => {
                assert_eq!(tx.free().map(u64::from), Ok(m.free()));
                assert_eq!(tx.fits(*len), Ok(m.fits(u64::from(*len))));
                assert_eq!(tx.is_drained(), Ok(m.given_back == m.published));
            }
        }
    }
}

/// Both halves in pages, starting at `index`.
pub fn in_pages(ring_bytes: u32, index: u32) -> (Producer<Paged>, Consumer<Paged>) {
    let (left, right, ring) = (Control::new(), Control::new(), Ring::new(ring_bytes));
    let no_hook = || Rc::new(RefCell::new(|| ()));
    let peer = PeerControl(right.clone(), no_hook());
    let tx = Producer::starting_at(left.clone(), peer, ring.clone(), index).unwrap();
    let (peer, ring) = (PeerControl(left, no_hook()), PeerRing(ring, no_hook()));
    let rx = Consumer::starting_at(right, peer, ring, index).unwrap();
    (tx, rx)
}
