// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The queues, each used as its documentation suggests for packets of any length.

use std::hint::spin_loop;
use std::mem::take;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use ringbuf::traits::{Consumer as _, Observer as _, Producer as _, Split as _};
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{recv, send, socketpair, AddressFamily, RecvFlags, SendFlags};
use rustix::net::{SocketFlags, SocketType};
use xenfifo::host::{self, Host};
use xenfifo::{Consumer, OwnRing as _, PeerRing as _, Producer, PushError};

use crate::RING;

pub trait Sender {
    fn send(&mut self, packet: &[u8]);
    fn flush(&mut self) {}
}

pub trait Receiver {
    fn receive(&mut self, packet: &mut [u8]);
}

pub trait Queue {
    const NAME: &'static str;
    type Tx: Sender;
    type Rx: Receiver + Send + 'static;
    fn create(size: usize) -> (Self::Tx, Self::Rx);
}

// The FIFO itself.

/// Packets that share one publish, if they are there: what a driver does under load.
const BATCH: usize = 32;

/// Bytes after which a batch ends early, so that both sides always have something to do.
const BATCH_BYTES: usize = RING / 8;

pub struct Xenfifo;

pub struct XenfifoTx {
    tx: Producer<Host>,
    pending: usize,
}

pub struct XenfifoRx {
    rx: Consumer<Host>,
    pending: usize,
}

impl XenfifoTx {
    pub fn new(tx: Producer<Host>) -> Self {
        Self { tx, pending: 0 }
    }
}

impl XenfifoRx {
    pub fn new(rx: Consumer<Host>) -> Self {
        Self { rx, pending: 0 }
    }

    fn publish(&mut self) {
        self.rx.publish();
        self.pending = 0;
    }
}

impl Sender for XenfifoTx {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        loop {
            match self.tx.push([0; 12], &[packet]) {
                Ok(()) => break,
                Err(PushError::Full) => {
                    self.flush();
                    spin_loop();
                }
                Err(reason) => panic!("{reason}"),
            }
        }
        self.pending += 1;
        if self.pending == BATCH || self.pending * packet.len() > BATCH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.tx.publish().unwrap();
        self.pending = 0;
    }
}

impl Receiver for XenfifoRx {
    #[inline]
    fn receive(&mut self, packet: &mut [u8]) {
        loop {
            if let Some(record) = self.rx.peek().unwrap() {
                record.copy_to(0, packet).unwrap();
                record.consume();
                break;
            }
            self.publish();
            spin_loop();
        }
        self.pending += 1;
        if self.pending == BATCH || self.pending * packet.len() > BATCH_BYTES {
            self.publish();
        }
    }
}

impl Queue for Xenfifo {
    const NAME: &'static str = "xenfifo";
    type Tx = XenfifoTx;
    type Rx = XenfifoRx;

    fn create(_: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = host::pair(RING as u32).unwrap();
        (XenfifoTx::new(tx), XenfifoRx::new(rx))
    }
}

// The bound: the same memory, one copy on each side, and a count of packets.

pub struct Memcpys;

/// The two counts, each in cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Count(AtomicU64);

pub struct Copier<M> {
    ring: M,
    counts: Arc<[Count; 2]>,
    mine: u64,
    theirs: u64,
    slots: u64,
}

impl<M> Copier<M> {
    fn new(ring: M, counts: &Arc<[Count; 2]>, slots: u64) -> Self {
        Self {
            ring,
            counts: counts.clone(),
            mine: 0,
            theirs: 0,
            slots,
        }
    }

    fn offset(&self, size: usize) -> u32 {
        ((self.mine % self.slots) as usize * size) as u32
    }
}

impl Sender for Copier<host::OwnRing> {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        while self.mine - self.theirs == self.slots {
            self.theirs = self.counts[1].0.load(Ordering::Acquire);
            spin_loop();
        }
        let mut offset = self.offset(packet.len());
        let mut rest = packet;
        while !rest.is_empty() {
            let n = self.ring.with_chunk(offset, rest.len() as u32, |place| {
                place.copy_from_slice(&rest[..place.len()]);
                place.len()
            });
            rest = &rest[n..];
            offset += n as u32;
        }
        self.mine += 1;
        self.counts[0].0.store(self.mine, Ordering::Release);
    }
}

impl Receiver for Copier<host::PeerRing> {
    #[inline]
    fn receive(&mut self, packet: &mut [u8]) {
        while self.mine == self.theirs {
            self.theirs = self.counts[0].0.load(Ordering::Acquire);
            spin_loop();
        }
        self.ring.read(self.offset(packet.len()), packet);
        self.mine += 1;
        self.counts[1].0.store(self.mine, Ordering::Release);
    }
}

impl Queue for Memcpys {
    const NAME: &'static str = "two memcpys, two cores";
    type Tx = Copier<host::OwnRing>;
    type Rx = Copier<host::PeerRing>;

    fn create(size: usize) -> (Self::Tx, Self::Rx) {
        let pages = host::OwnPages::create(RING as u32, 0, 0).unwrap();
        let peer = host::PeerPages::map(&pages).unwrap().ring();
        let counts = Arc::default();
        let slots = (RING / size) as u64;
        let (_, own) = pages.split();
        (
            Copier::new(own, &counts, slots),
            Copier::new(peer, &counts, slots),
        )
    }
}

// Rings of bytes: a length and the packet.

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
    fn receive(&mut self, packet: &mut [u8]) {
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
    fn receive(&mut self, packet: &mut [u8]) {
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

// A queue of packets.

pub struct Crossbeam;

impl Sender for crossbeam_channel::Sender<Vec<u8>> {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        crossbeam_channel::Sender::send(self, packet.to_vec()).unwrap();
    }
}

impl Receiver for crossbeam_channel::Receiver<Vec<u8>> {
    #[inline]
    fn receive(&mut self, packet: &mut [u8]) {
        packet.copy_from_slice(&self.recv().unwrap());
    }
}

impl Queue for Crossbeam {
    const NAME: &'static str = "crossbeam-channel";
    type Tx = crossbeam_channel::Sender<Vec<u8>>;
    type Rx = crossbeam_channel::Receiver<Vec<u8>>;

    fn create(size: usize) -> (Self::Tx, Self::Rx) {
        crossbeam_channel::bounded(RING / size)
    }
}

// The kernel's. All packets of a run have one length, so a pipe needs no header: to its advantage.

pub struct Pipe;
pub struct PipeTx(pub OwnedFd);
pub struct PipeRx(pub OwnedFd);

impl Sender for PipeTx {
    fn send(&mut self, packet: &[u8]) {
        let mut rest = packet;
        while !rest.is_empty() {
            let n = rustix::io::write(&self.0, rest).unwrap();
            rest = &rest[n..];
        }
    }
}

impl Receiver for PipeRx {
    fn receive(&mut self, packet: &mut [u8]) {
        let mut done = 0;
        while done < packet.len() {
            done += rustix::io::read(&self.0, &mut packet[done..]).unwrap();
        }
    }
}

impl Queue for Pipe {
    const NAME: &'static str = "pipe";
    type Tx = PipeTx;
    type Rx = PipeRx;

    fn create(_: usize) -> (Self::Tx, Self::Rx) {
        let (rx, tx) = rustix::pipe::pipe().unwrap();
        rustix::pipe::fcntl_setpipe_size(&tx, RING).unwrap();
        (PipeTx(tx), PipeRx(rx))
    }
}

pub struct SeqPacket;
pub struct SeqPacketTx(pub OwnedFd);
pub struct SeqPacketRx(pub OwnedFd);

impl Sender for SeqPacketTx {
    fn send(&mut self, packet: &[u8]) {
        send(&self.0, packet, SendFlags::empty()).unwrap();
    }
}

impl Receiver for SeqPacketRx {
    fn receive(&mut self, packet: &mut [u8]) {
        let (n, _) = recv(&self.0, &mut *packet, RecvFlags::empty()).unwrap();
        assert_eq!(n, packet.len());
    }
}

impl Queue for SeqPacket {
    const NAME: &'static str = "Unix seqpacket";
    type Tx = SeqPacketTx;
    type Rx = SeqPacketRx;

    fn create(_: usize) -> (Self::Tx, Self::Rx) {
        let flags = SocketFlags::CLOEXEC;
        let (tx, rx) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        set_socket_send_buffer_size(&tx, RING).unwrap();
        (SeqPacketTx(tx), SeqPacketRx(rx))
    }
}
