// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The queues that work between processes. The child receives; the parent's orders come on its
//! standard input, a socket, and the kernel's queues are its standard output.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{self, Command, Stdio};

use xenfifo::host::{OwnPages, PeerPages};

use crate::fifo::{pages, InPages, Memcpys, Named, Xenfifo, BATCH};
use crate::kernel::{Pipe, PipeRx, PipeTx, SeqPacket, SeqPacketRx, SeqPacketTx};
use crate::queues::{Queue, Receiver, Sender};
use crate::{pin, Lane};

const ROLE: &str = "XENFIFO_BENCH_CHILD";

/// Opens the peer's pages after exchanging their names.
fn exchange(own: &OwnPages, orders: &mut BufReader<UnixStream>) -> PeerPages {
    let fd = own.as_fd().as_raw_fd();
    writeln!(orders.get_mut(), "/proc/{}/fd/{fd}", process::id()).unwrap();
    let mut name = String::new();
    orders.read_line(&mut name).unwrap();
    PeerPages::map(File::open(name.trim_end()).unwrap()).unwrap()
}

/// The body of the child; `false` in the parent.
pub fn child() -> bool {
    let Ok(role) = env::var(ROLE) else {
        return false;
    };
    pin(1);
    let (size, queue) = role.split_once(' ').unwrap();
    let size = size.parse().unwrap();
    let orders = rustix::stdio::stdin().try_clone_to_owned().unwrap();
    let orders = BufReader::new(UnixStream::from(orders));
    let data = rustix::stdio::stdout().try_clone_to_owned().unwrap();
    if queue == Pipe::NAME {
        receive(orders, PipeRx(data), size);
    } else if queue == SeqPacket::NAME {
        receive(orders, SeqPacketRx(data), size);
    } else if queue == <Memcpys as Named>::NAME {
        receive_in_pages::<Memcpys>(orders, size);
    } else if queue == <Xenfifo<1> as Named>::NAME {
        receive_in_pages::<Xenfifo<1>>(orders, size);
    } else {
        receive_in_pages::<Xenfifo<BATCH>>(orders, size);
    }
    true
}

fn receive_in_pages<Q: InPages>(mut orders: BufReader<UnixStream>, size: usize) {
    let own = pages();
    let peer = exchange(&own, &mut orders);
    receive(orders, Q::receiver(own, peer, size), size);
}

fn receive(mut orders: BufReader<UnixStream>, mut rx: impl Receiver, size: usize) {
    let mut packet = vec![0; size];
    let mut n = [0; 8];
    while orders.read_exact(&mut n).is_ok() {
        for _ in 0..u64::from_le_bytes(n) {
            rx.receive(&mut packet);
        }
        assert!(packet.iter().all(|byte| *byte == 0x5a));
        orders.get_mut().write_all(&[0]).unwrap();
    }
}

/// A child that receives: it ends when the socket to it is closed.
struct Child {
    process: process::Child,
    orders: Option<BufReader<UnixStream>>,
}

impl Child {
    fn spawn(queue: &str, size: usize, data: Stdio) -> Self {
        let (orders, theirs) = UnixStream::pair().unwrap();
        let process = Command::new(env::current_exe().unwrap())
            .env(ROLE, format!("{size} {queue}"))
            .stdin(OwnedFd::from(theirs))
            .stdout(data)
            .spawn()
            .unwrap();
        Self {
            process,
            orders: Some(BufReader::new(orders)),
        }
    }

    fn orders(&mut self) -> &mut BufReader<UnixStream> {
        self.orders.as_mut().unwrap()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.orders = None;
        assert!(self.process.wait().unwrap().success());
    }
}

pub fn lanes(size: usize) -> Vec<Lane> {
    let (PipeTx(pipe_tx), PipeRx(pipe_rx)) = Pipe::create(size);
    let (SeqPacketTx(packet_tx), SeqPacketRx(packet_rx)) = SeqPacket::create(size);
    let pipe = Child::spawn(Pipe::NAME, size, pipe_rx.into());
    let seqpacket = Child::spawn(SeqPacket::NAME, size, packet_rx.into());
    vec![
        lane_in_pages::<Memcpys>(size),
        lane_in_pages::<Xenfifo<BATCH>>(size),
        lane_in_pages::<Xenfifo<1>>(size),
        lane(Pipe::NAME, size, PipeTx(pipe_tx), pipe),
        lane(SeqPacket::NAME, size, SeqPacketTx(packet_tx), seqpacket),
    ]
}

fn lane_in_pages<Q: InPages + Named>(size: usize) -> Lane
where
    Q::Tx: 'static,
{
    let mut child = Child::spawn(Q::NAME, size, Stdio::null());
    let own = pages();
    let peer = exchange(&own, child.orders());
    lane(Q::NAME, size, Q::sender(own, peer, size), child)
}

fn lane(name: &'static str, size: usize, mut tx: impl Sender + 'static, mut child: Child) -> Lane {
    let packet = vec![0x5a; size];
    Lane {
        name,
        run: Box::new(move |n| {
            child
                .orders()
                .get_mut()
                .write_all(&n.to_le_bytes())
                .unwrap();
            for _ in 0..n {
                tx.send(&packet);
            }
            tx.flush();
            child.orders().read_exact(&mut [0]).unwrap();
        }),
    }
}
