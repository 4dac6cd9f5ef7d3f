// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The kernel's queues. All packets of a run have one length, so a pipe needs no header: to its
//! advantage.

use std::os::fd::OwnedFd;

use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{recv, send, socketpair, AddressFamily, RecvFlags, SendFlags};
use rustix::net::{SocketFlags, SocketType};

use crate::queues::{Queue, Receiver, Sender};
use crate::RING;

/// What the system lets a pipe have, unless it is told otherwise.
const PIPE_MOST: usize = 1024 * 1024;

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
    fn receive(&mut self, packet: &mut Vec<u8>) {
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
        // As large as the system lets it be.
        rustix::pipe::fcntl_setpipe_size(&tx, RING.min(PIPE_MOST)).unwrap();
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
    fn receive(&mut self, packet: &mut Vec<u8>) {
        let (n, _) = recv(&self.0, &mut packet[..], RecvFlags::empty()).unwrap();
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
