// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Rings of bytes within a process, which carry a length and the packet.

use std::hint::spin_loop;
use std::mem::take;
use std::sync::Arc;

use ringbuf::traits::{Consumer as _, Observer as _, Producer as _, Split as _};

use crate::queues::{Queue, Receiver, Sender};
use crate::RING;

pub struct Rtrb;

impl Sender for rtrb::Producer<u8> {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        let mut chunk = loop {
            match self.write_chunk(4 + packet.len()) {
                Ok(chunk) => break chunk,
                Err(_) => spin_loop(),
            }
        };
        let (mut first, mut second) = chunk.as_mut_slices();
        for part in [&(packet.len() as u32).to_le_bytes(), packet] {
            let n = part.len().min(first.len());
            let (place, rest) = take(&mut first).split_at_mut(n);
            place.copy_from_slice(&part[..n]);
            first = rest;
            let (place, rest) = take(&mut second).split_at_mut(part.len() - n);
            place.copy_from_slice(&part[n..]);
            second = rest;
        }
        chunk.commit_all();
    }
}

impl Receiver for rtrb::Consumer<u8> {
    #[inline]
    fn receive(&mut self, packet: &mut Vec<u8>) {
        let mut len = [0; 4];
        read_rtrb(self, &mut len);
        read_rtrb(self, &mut packet[..u32::from_le_bytes(len) as usize]);
    }
}

#[inline]
fn read_rtrb(rx: &mut rtrb::Consumer<u8>, dst: &mut [u8]) {
    let chunk = loop {
        match rx.read_chunk(dst.len()) {
            Ok(chunk) => break chunk,
            Err(_) => spin_loop(),
        }
    };
    let (first, second) = chunk.as_slices();
    dst[..first.len()].copy_from_slice(first);
    dst[first.len()..].copy_from_slice(second);
    chunk.commit_all();
}

impl Queue for Rtrb {
    const NAME: &'static str = "rtrb";
    type Tx = rtrb::Producer<u8>;
    type Rx = rtrb::Consumer<u8>;

    fn create(_: usize) -> (Self::Tx, Self::Rx) {
        rtrb::RingBuffer::new(RING)
    }
}

pub struct Ringbuf;

impl Sender for ringbuf::CachingProd<Arc<ringbuf::HeapRb<u8>>> {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        while self.vacant_len() < 4 + packet.len() {
            spin_loop();
        }
        self.push_slice(&(packet.len() as u32).to_le_bytes());
        self.push_slice(packet);
    }
}

impl Receiver for ringbuf::CachingCons<Arc<ringbuf::HeapRb<u8>>> {
    #[inline]
    fn receive(&mut self, packet: &mut Vec<u8>) {
        while self.occupied_len() < 4 {
            spin_loop();
        }
        let mut len = [0; 4];
        self.pop_slice(&mut len);
        let len = u32::from_le_bytes(len) as usize;
        while self.occupied_len() < len {
            spin_loop();
        }
        self.pop_slice(&mut packet[..len]);
    }
}

impl Queue for Ringbuf {
    const NAME: &'static str = "ringbuf";
    type Tx = ringbuf::CachingProd<Arc<ringbuf::HeapRb<u8>>>;
    type Rx = ringbuf::CachingCons<Arc<ringbuf::HeapRb<u8>>>;

    fn create(_: usize) -> (Self::Tx, Self::Rx) {
        ringbuf::HeapRb::new(RING).split()
    }
}
