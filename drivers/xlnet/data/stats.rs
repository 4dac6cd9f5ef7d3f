// SPDX-License-Identifier: GPL-2.0

//! Figures about one peer, as `ethtool -S` shows them: the sums over its queues.

use kapi::net::{ethtool::Report, netdevice::QueueStatistics};
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

macro_rules! counters {
    ($($(#[doc = $doc:expr])+ $name:ident,)+) => {
        /// Counters of one queue.
        pub(crate) struct Counters {
            $($(#[doc = $doc])+ pub(crate) $name: Counter,)+
        }

        impl Counters {
            pub(crate) fn new() -> Self {
                Self { $($name: Counter::new(),)+ }
            }

            /// Begins again, for another peer.
            pub(crate) fn reset(&self) {
                $(self.$name.reset();)+
            }

            /// Reports the sum of each counter under the name of the peer.
            pub(crate) fn report<'a>(
                all: impl Iterator<Item = &'a Self> + Clone,
                peer: u32,
                report: &mut Report<'_>,
            ) {
                $(report.add(
                    fmt!("peer{peer}_{}", stringify!($name)),
                    all.clone().map(|counters| counters.$name.get()).sum(),
                );)+
            }
        }
    };
}

counters! {
    /// Packets written to the FIFO.
    tx_packets,
    /// Their bytes.
    tx_bytes,
    /// Times the FIFO had no room for another packet.
    tx_full,
    /// Events sent to say that packets are there.
    tx_events,
    /// Publications that needed none, as the peer was awake.
    tx_events_suppressed,
    /// Packets received.
    rx_packets,
    /// Their bytes.
    rx_bytes,
    /// Events sent to say that there is room again.
    rx_events,
    /// Packets from an address that is not the peer's, or to one that is not ours.
    rx_drop_source,
    /// Packets that are none, or whose offload description does not fit them.
    rx_drop_invalid,
    /// Packets for which there was no memory.
    rx_drop_nomem,
}

impl Counters {
    /// What netdev-genl shows of them.
    pub(crate) fn of_queue(&self) -> QueueStatistics {
        let no_memory = self.rx_drop_nomem.get();
        QueueStatistics {
            rx_packets: self.rx_packets.get(),
            rx_bytes: self.rx_bytes.get(),
            rx_drops: self.rx_drop_source.get() + self.rx_drop_invalid.get() + no_memory,
            rx_no_memory: no_memory,
            tx_packets: self.tx_packets.get(),
            tx_bytes: self.tx_bytes.get(),
            tx_stops: self.tx_full.get(),
        }
    }
}

/// A counter.
pub(crate) struct Counter(Atomic<u64>);

impl Counter {
    pub(crate) fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Begins again.
    pub(crate) fn reset(&self) {
        self.0.store(0, Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.add(count, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
