// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A queue of packets within a process.

use crate::queues::{Queue, Receiver, Sender};
use crate::RING;

/// Copied out of the queue, as from every other one.
pub struct Crossbeam;

/// The receiver's buffer is the sender's copy, which a party that trusts nobody could not take.
pub struct Handover;

pub struct Copied(crossbeam_channel::Receiver<Vec<u8>>);
pub struct Taken(crossbeam_channel::Receiver<Vec<u8>>);

impl Sender for crossbeam_channel::Sender<Vec<u8>> {
    #[inline]
    fn send(&mut self, packet: &[u8]) {
        crossbeam_channel::Sender::send(self, packet.to_vec()).unwrap();
    }
}

impl Receiver for Copied {
    #[inline]
    fn receive(&mut self, packet: &mut Vec<u8>) {
        packet.copy_from_slice(&self.0.recv().unwrap());
    }
}

impl Receiver for Taken {
    #[inline]
    fn receive(&mut self, packet: &mut Vec<u8>) {
        *packet = self.0.recv().unwrap();
    }
}

impl Queue for Crossbeam {
    const NAME: &'static str = "crossbeam-channel";
    type Tx = crossbeam_channel::Sender<Vec<u8>>;
    type Rx = Copied;

    fn create(size: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = crossbeam_channel::bounded(RING / size);
        (tx, Copied(rx))
    }
}

impl Queue for Handover {
    const NAME: &'static str = "crossbeam-channel, one copy";
    type Tx = crossbeam_channel::Sender<Vec<u8>>;
    type Rx = Taken;

    fn create(size: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = crossbeam_channel::bounded(RING / size);
        (tx, Taken(rx))
    }
}
