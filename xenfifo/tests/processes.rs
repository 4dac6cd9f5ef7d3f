// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Two processes, each with pages of its own that the other maps read-only.
//!
//! ```text
//!   parent ──── packets, numbered and checksummed ───▶ child
//!   parent ◀──────────── the same, echoed ──────────── child
//!          ◀─── one byte on a socket per wake-up ───▶
//! ```
//!
//! A side with nothing to do arms both directions and sleeps on the socket. A wake-up that does
//! not come ends the test.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{self, Command};
use std::time::Duration;

use xenfifo::host::{self, Host, OwnPages, PeerPages};
use xenfifo::{Consumer, Producer, PushError};

const PACKETS: u64 = if cfg!(debug_assertions) {
    50_000
} else {
    1_000_000
};
const RING: u32 = 256 * 1024;
const SOCKET: &str = "XENFIFO_TEST_SOCKET";

/// One side: both halves of its channel and the socket that carries wake-ups.
struct Side {
    tx: Producer<Host>,
    rx: Consumer<Host>,
    events: UnixStream,
}

impl Side {
    /// Exchanges the names of the files with the peer and maps its pages.
    fn connect(socket: UnixStream) -> Self {
        let timeout = Some(Duration::from_secs(20));
        socket.set_read_timeout(timeout).unwrap();
        let own = OwnPages::create(RING, 3, 42).unwrap();
        let fd = own.as_fd().as_raw_fd();
        writeln!(&socket, "/proc/{}/fd/{fd}", process::id()).unwrap();
        let mut events = BufReader::new(socket);
        let mut name = String::new();
        events.read_line(&mut name).unwrap();
        let peer = PeerPages::map(File::open(name.trim_end()).unwrap()).unwrap();
        assert_eq!(
            (peer.header().generation(), peer.header().cookie()),
            (3, 42)
        );
        // Only when both have mapped the other's pages may one of them end.
        events.get_mut().write_all(b"\n").unwrap();
        events.read_line(&mut name).unwrap();
        let (tx, rx) = host::channel(own, peer).unwrap();
        let events = events.into_inner();
        Self { tx, rx, events }
    }

    fn notify(&mut self, wanted: bool) {
        if wanted {
            self.events.write_all(&[0]).unwrap();
        }
    }

    fn publish(&mut self) {
        let wanted = self.tx.publish().unwrap();
        self.notify(wanted);
        let wanted = self.rx.publish();
        self.notify(wanted);
    }

    /// Sleeps until what is asked for is there: a record, or room for `len` bytes.
    fn sleep(&mut self, record: bool, len: Option<u32>) {
        self.publish();
        let fits = len.is_some_and(|len| self.tx.wait_for(len).unwrap());
        let there = record && self.rx.wait().unwrap();
        if !there && !fits {
            let n = self.events.read(&mut [0; 64]).expect("a wake-up was lost");
            assert!(n > 0, "the peer is gone");
        }
    }
}

/// The packets: pieces of noise whose lengths and places follow from their numbers.
struct Packets {
    noise: Vec<u8>,
}

impl Packets {
    fn new() -> Self {
        let mut x = 0x9e37_79b9u32;
        let noise = (0..200_000).map(|_| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            x as u8
        });
        Self {
            noise: noise.collect(),
        }
    }

    fn get(&self, number: u64) -> &[u8] {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let at = (mixed >> 40) as usize % 100_000;
        let most = match mixed % 100 {
            0 => 65_536,
            1..30 => 1_500,
            _ => 200,
        };
        &self.noise[at..][..1 + (mixed >> 20) as usize % most]
    }
}

fn checksum(packet: &[u8]) -> u32 {
    let words = packet.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    let sum = words.fold(packet.len() as u64, |sum, word| {
        (sum ^ word).wrapping_mul(0x100_0000_01b3).rotate_left(23)
    });
    (sum ^ (sum >> 32)) as u32
}

fn meta(number: u64, packet: &[u8]) -> [u8; 12] {
    let mut meta = [0; 12];
    meta[..8].copy_from_slice(&number.to_le_bytes());
    meta[8..].copy_from_slice(&checksum(packet).to_le_bytes());
    meta
}

/// Takes the next packet, which must be `number`, whole.
fn receive(rx: &mut Consumer<Host>, number: u64, packet: &mut Vec<u8>) -> bool {
    let Some(record) = rx.peek().unwrap() else {
        return false;
    };
    packet.resize(record.len() as usize, 0);
    record.copy_to(0, packet).unwrap();
    assert_eq!(record.meta(), meta(number, packet), "packet {number}");
    record.consume();
    true
}

fn parent(mut side: Side) {
    let packets = Packets::new();
    let mut packet = Vec::new();
    let (mut sent, mut received) = (0, 0);
    while received < PACKETS {
        while sent < PACKETS {
            let packet = packets.get(sent);
            let (head, tail) = packet.split_at(packet.len() / 2);
            match side.tx.push(meta(sent, packet), &[head, tail]) {
                Ok(()) => sent += 1,
                Err(PushError::Full) => break,
                Err(reason) => panic!("{reason}"),
            }
        }
        side.publish();
        let before = received;
        while receive(&mut side.rx, received, &mut packet) {
            assert_eq!(packet, packets.get(received));
            received += 1;
        }
        if received == before {
            let len = packets.get(sent).len() as u32;
            side.sleep(true, (sent < PACKETS).then_some(len));
        }
    }
    assert!(side.rx.peek().unwrap().is_none());
    // The child may be about to write a last wake-up, or it lies here unread; closing the socket
    // now would fail what the child does on it.
    side.events.shutdown(Shutdown::Write).unwrap();
    while side.events.read(&mut [0; 64]).unwrap() > 0 {}
}

fn child(mut side: Side) {
    let mut packet = Vec::new();
    for number in 0..PACKETS {
        while !receive(&mut side.rx, number, &mut packet) {
            side.sleep(true, None);
        }
        while let Err(reason) = side.tx.push(meta(number, &packet), &[&packet]) {
            assert_eq!(reason, PushError::Full);
            side.sleep(false, Some(packet.len() as u32));
        }
    }
    side.publish();
    // Stay until the parent has everything: it takes a closed socket for a failure.
    while side.events.read(&mut [0; 64]).unwrap() > 0 {}
}

/// The body of the child; in the parent's run of the tests it does nothing.
#[test]
fn child_process() {
    if let Ok(name) = env::var(SOCKET) {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        child(Side::connect(UnixStream::connect_addr(&address).unwrap()));
    }
}

#[test]
fn packets_cross_two_processes() {
    let name = format!("xenfifo-test-{}", process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let mut peer = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_process", "--nocapture"])
        .env(SOCKET, name)
        .stdout(process::Stdio::null())
        .spawn()
        .unwrap();
    parent(Side::connect(listener.accept().unwrap().0));
    assert!(peer.wait().unwrap().success());
}

/// Who gets the descriptor may not write, however it is opened.
#[test]
fn a_peer_cannot_write() {
    let own = OwnPages::create(4096, 0, 0).unwrap();
    let name = format!("/proc/self/fd/{}", own.as_fd().as_raw_fd());
    let mut file = File::options().read(true).write(true).open(name).unwrap();
    let error = file.write(&[1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(file.set_len(0).is_err());
}
