// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The queues that work between processes. The child receives; the parent's orders come on its
//! standard input, a socket, and the kernel's queues are its standard output.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{self, Command, Stdio};

use criterion::Criterion;
use xenfifo::host::{self, OwnPages, PeerPages};

use crate::queues::{Pipe, PipeRx, PipeTx, Queue, Receiver, Sender, SeqPacket, SeqPacketRx};
use crate::queues::{SeqPacketTx, Xenfifo, XenfifoRx, XenfifoTx};
use crate::table::Table;
use crate::{measure, pin, RING, SIZES};

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
    let (queue, size) = role.split_once(' ').unwrap();
    let size = size.parse().unwrap();
    let orders = rustix::stdio::stdin().try_clone_to_owned().unwrap();
    let mut orders = BufReader::new(UnixStream::from(orders));
    let data = rustix::stdio::stdout().try_clone_to_owned().unwrap();
    match queue {
        "pipe" => receive(orders, PipeRx(data), size),
        "seqpacket" => receive(orders, SeqPacketRx(data), size),
        _ => {
            let own = OwnPages::create(RING as u32, 0, 0).unwrap();
            let peer = exchange(&own, &mut orders);
            let (_, rx) = host::channel(own, peer).unwrap();
            receive(orders, XenfifoRx::new(rx), size);
        }
    }
    true
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

fn spawn(queue: &str, size: usize, data: Stdio) -> (process::Child, BufReader<UnixStream>) {
    let (orders, theirs) = UnixStream::pair().unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .env(ROLE, format!("{queue} {size}"))
        .stdin(OwnedFd::from(theirs))
        .stdout(data)
        .spawn()
        .unwrap();
    (child, BufReader::new(orders))
}

pub fn measure_all(c: &mut Criterion, table: &mut Table) {
    for size in SIZES {
        let (child, mut orders) = spawn("xenfifo", size, Stdio::null());
        let own = OwnPages::create(RING as u32, 0, 0).unwrap();
        let peer = exchange(&own, &mut orders);
        let (tx, _) = host::channel(own, peer).unwrap();
        run(
            c,
            table,
            Xenfifo::NAME,
            size,
            XenfifoTx::new(tx),
            (child, orders),
        );
    }
    for size in SIZES {
        let (PipeTx(tx), PipeRx(rx)) = Pipe::create(size);
        let child = spawn("pipe", size, rx.into());
        run(c, table, Pipe::NAME, size, PipeTx(tx), child);
    }
    for size in SIZES {
        let (SeqPacketTx(tx), SeqPacketRx(rx)) = SeqPacket::create(size);
        let child = spawn("seqpacket", size, rx.into());
        run(c, table, SeqPacket::NAME, size, SeqPacketTx(tx), child);
    }
}

fn run(
    c: &mut Criterion,
    table: &mut Table,
    name: &str,
    size: usize,
    mut tx: impl Sender,
    (mut child, mut orders): (process::Child, BufReader<UnixStream>),
) {
    let packet = vec![0x5a; size];
    measure(c, table, "processes", name, size, &mut |n| {
        orders.get_mut().write_all(&n.to_le_bytes()).unwrap();
        for _ in 0..n {
            tx.send(&packet);
        }
        tx.flush();
        orders.read_exact(&mut [0]).unwrap();
    });
    drop(orders);
    assert!(child.wait().unwrap().success());
}
