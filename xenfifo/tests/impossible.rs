// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Each impossible value, one by one, and what is said about it.

#[path = "common/ends.rs"]
mod ends;

use ends::Ends;
use xenfifo::{host, Broken, Consumer, Producer, PushError, State, Word, MAX_RECORD};
use xenfifo::{OwnControl as _, OwnRing as _};

/// A consumer at index 0, and the pages of its producer.
fn consumer(ring_bytes: u32) -> (Consumer<host::Host>, host::OwnControl, host::OwnRing) {
    let ends = Ends::create(ring_bytes);
    let peer = host::PeerPages::map(&ends.producer).unwrap();
    let (own, _) = ends.consumer.split();
    let rx = Consumer::new(own, peer.control(), peer.ring()).unwrap();
    let (control, ring) = ends.producer.split();
    (rx, control, ring)
}

fn write_len(ring: &mut host::OwnRing, at: u32, len: u32) {
    ring.with_chunk(at, 4, |piece| piece.copy_from_slice(&len.to_le_bytes()));
}

#[test]
fn records_and_producer_indices() {
    let cases = [
        (4096, 16, 32, None),
        (4096, 4080, 4096, None),
        (4096, 1, 4096 + 16, Some(Broken::ProducerRange)),
        (4096, 1, 0u32.wrapping_sub(16), Some(Broken::ProducerRange)),
        (4096, 1, 1 << 31, Some(Broken::ProducerRange)),
        (4096, 1, 33, Some(Broken::ProducerAlignment)),
        (4096, 1, 8, Some(Broken::ProducerAlignment)),
        (4096, 0, 32, Some(Broken::RecordLength)),
        (4096, 4081, 4096, Some(Broken::RecordLength)),
        (4096, u32::MAX, 4096, Some(Broken::RecordLength)),
        (4096, u32::MAX - 30, 4096, Some(Broken::RecordLength)),
        (4096, 1, 16, Some(Broken::RecordTruncated)),
        (4096, 17, 32, Some(Broken::RecordTruncated)),
        (4096, 4080, 4080, Some(Broken::RecordTruncated)),
        // A large ring has room for more than a record may have.
        (1 << 18, MAX_RECORD, 1 << 18, None),
        (1 << 18, MAX_RECORD + 1, 1 << 18, Some(Broken::RecordLength)),
    ];
    for (ring_bytes, len, producer, expected) in cases {
        let (mut rx, control, mut ring) = consumer(ring_bytes);
        write_len(&mut ring, 0, len);
        control.store_release(Word::Producer, producer);
        assert_eq!(rx.peek().err(), expected, "len {len}, producer {producer}");
    }
}

#[test]
fn a_producer_index_that_goes_back() {
    for publish in [false, true] {
        let (mut rx, control, mut ring) = consumer(4096);
        write_len(&mut ring, 0, 16);
        write_len(&mut ring, 32, 16);
        control.store_release(Word::Producer, 64);
        rx.peek().unwrap().unwrap().consume();
        rx.peek().unwrap().unwrap().consume();
        if publish {
            rx.publish();
        }
        control.store_release(Word::Producer, 32);
        assert_eq!(rx.peek().err(), Some(Broken::ProducerRange));
        // An honest value comes too late.
        control.store_release(Word::Producer, 96);
        assert_eq!(rx.wait().err(), Some(Broken::ProducerRange));
        assert!(!rx.publish());
    }
}

/// What is consumed is not given back by a half that broke in between.
#[test]
fn a_broken_consumer_publishes_nothing() {
    let (mut rx, control, mut ring) = consumer(4096);
    write_len(&mut ring, 0, 16);
    control.store_release(Word::Producer, 32);
    control.store_release(Word::ConsumerEvent, 0);
    rx.peek().unwrap().unwrap().consume();
    control.store_release(Word::Producer, 33);
    assert_eq!(rx.peek().err(), Some(Broken::ProducerAlignment));
    assert!(!rx.publish());
}

#[test]
fn consumer_indices() {
    let cases = [
        (&[0, 32][..], None),
        (&[16, 32], None), // inside a record: odd, but it does no harm
        (&[48], Some(Broken::ConsumerRange)), // pushed, not published
        (&[64], Some(Broken::ConsumerRange)),
        (&[80], Some(Broken::ConsumerRange)),
        (&[0u32.wrapping_sub(16)], Some(Broken::ConsumerRange)),
        (&[32, 16], Some(Broken::ConsumerRange)),
        (&[32, 0], Some(Broken::ConsumerRange)),
        (&[8], Some(Broken::ConsumerAlignment)),
        (&[31], Some(Broken::ConsumerAlignment)),
    ];
    for (indices, expected) in cases {
        let ends = Ends::create(4096);
        let peer = host::PeerPages::map(&ends.consumer).unwrap();
        let (own, ring) = ends.producer.split();
        let mut tx = Producer::<host::Host>::new(own, peer.control(), ring).unwrap();
        let (control, _) = ends.consumer.split();
        tx.push([0; 12], &[&[1; 16]]).unwrap();
        tx.publish().unwrap();
        tx.push([0; 12], &[&[1; 16]]).unwrap();
        let mut result = Ok(0);
        for index in indices {
            control.store_release(Word::Consumer, *index);
            result = tx.free();
        }
        assert_eq!(result.err(), expected, "{indices:?}");
        if let Some(reason) = expected {
            // An honest value comes too late.
            control.store_release(Word::Consumer, 32);
            assert_eq!(tx.push([0; 12], &[b"x"]), Err(PushError::Broken(reason)));
            assert_eq!(tx.publish(), Err(reason));
        }
    }
}

/// A state is read as it was stored; there are no others.
#[test]
fn states() {
    let ends = Ends::create(4096);
    let peer = host::PeerPages::map(&ends.producer).unwrap().control();
    let (own, _) = ends.producer.split();
    for state in [State::Init, State::Ready, State::Closing, State::Closed] {
        state.store(&own);
        assert_eq!(State::load(&peer), Ok(state));
    }
    for word in [4, 0x0100_0000, u32::MAX] {
        own.store_release(Word::State, word);
        assert_eq!(State::load(&peer), Err(Broken::State));
    }
}

/// Pages that are none are not mapped.
#[test]
fn foreign_files() {
    use rustix::fs::{fcntl_add_seals, ftruncate, memfd_create, MemfdFlags, SealFlags};
    use std::os::fd::OwnedFd;

    let sealed = SealFlags::SHRINK | SealFlags::FUTURE_WRITE;
    let refusal = |fd: &OwnedFd| host::PeerPages::map(fd).err().unwrap().to_string();
    let null = std::fs::File::open("/dev/null").unwrap().into();
    assert_eq!(refusal(&null), "not a memfd");

    let memfd = memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&memfd, 8192).unwrap();
    let unsealed = "memfd not sealed against shrinking and writers";
    assert_eq!(refusal(&memfd), unsealed);
    fcntl_add_seals(&memfd, SealFlags::SHRINK).unwrap();
    assert_eq!(refusal(&memfd), unsealed);
    fcntl_add_seals(&memfd, SealFlags::FUTURE_WRITE).unwrap();
    assert_eq!(refusal(&memfd), "not a control page");

    let memfd = memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&memfd, 8191).unwrap();
    fcntl_add_seals(&memfd, sealed).unwrap();
    assert_eq!(refusal(&memfd), "memfd too small");

    // Where the kernel has such pages at all.
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
    if let Ok(memfd) = memfd_create("test", flags) {
        fcntl_add_seals(&memfd, sealed).unwrap();
        assert_eq!(refusal(&memfd), "memfd of huge pages");
    }

    // A header that promises more than the file has.
    let (control, _ring) = host::OwnPages::create(4096, 0, 0).unwrap().split();
    control.store_relaxed(Word::RingBytes, 8192);
    let error = host::PeerPages::map(&control).err().unwrap();
    assert_eq!(error.to_string(), "memfd too small for its ring");

    assert!(host::OwnPages::create(5000, 0, 0).is_err());
}
