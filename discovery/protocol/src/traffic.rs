// SPDX-License-Identifier: GPL-2.0

//! What a guest says that it exchanged with a peer, for dom0's accounting.

use core::fmt;

/// Totals since the two met. Formats as the text of the node: the numbers in their order, separated by blanks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets sent to the peer.
    pub tx_packets: u64,
    /// Their bytes.
    pub tx_bytes: u64,
    /// Packets received from the peer.
    pub rx_packets: u64,
    /// Their bytes.
    pub rx_bytes: u64,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tx_packets,
            tx_bytes,
            rx_packets,
            rx_bytes,
        } = self;
        write!(f, "{tx_packets} {tx_bytes} {rx_packets} {rx_bytes}")
    }
}
