// SPDX-License-Identifier: GPL-2.0 OR MIT

//! What is measured of a queue: packets go from a buffer that the sender reuses at once to a buffer
//! that the receiver owns.

pub trait Sender {
    fn send(&mut self, packet: &[u8]);
    fn flush(&mut self) {}
}

pub trait Receiver {
    /// Receives one packet, of the length of `packet`, into it.
    fn receive(&mut self, packet: &mut Vec<u8>);
}

pub trait Queue {
    const NAME: &'static str;
    type Tx: Sender;
    type Rx: Receiver + Send + 'static;
    /// Both ends of a queue for packets of `size` bytes, in one process.
    fn create(size: usize) -> (Self::Tx, Self::Rx);
}
