// SPDX-License-Identifier: GPL-2.0

//! The way out: packets that reach xl0 and are for no open channel leave through the NIC.
//!
//! Some are there for moments only, while routes are on their way in or out. Others are steady
//! traffic: what this guest sends with another's address, as load balancers and transparent proxies
//! do, or to a neighbour that is not the packet's destination, is routed as if it were its own, and
//! no peer would let it in.

use crate::data::uplink::Uplink;
use kapi::net::{reroute, skbuff::SkBuff};
use kernel::sync::{
    atomic::{Atomic, Relaxed},
    Arc,
};

pub(crate) struct WayOut {
    nic: Arc<Uplink>,
    pub(crate) packets: Atomic<u64>,
    pub(crate) dropped: Atomic<u64>,
}

impl WayOut {
    /// Packets will leave through `nic`.
    pub(crate) fn new(nic: Arc<Uplink>) -> Self {
        Self {
            nic,
            packets: Atomic::new(0),
            dropped: Atomic::new(0),
        }
    }

    /// Sends a packet through the NIC. Softirq context, from within xl0's transmit function: so
    /// packets keep their order.
    pub(crate) fn send(&self, skb: SkBuff<'_>) {
        let count = match reroute::send_through(skb, self.nic.ifindex()) {
            Ok(()) => &self.packets,
            Err(reroute::Lost) => &self.dropped,
        };
        count.add(1u64, Relaxed);
    }
}
