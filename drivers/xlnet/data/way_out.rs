// SPDX-License-Identifier: GPL-2.0

//! The way out: packets that reach xl0 without a channel to go to leave through the NIC.
//!
//! It is used for moments only, while routes are on their way in or out. Packets wait for process
//! context, since sending one from within another device's transmit path could come back here.

use crate::data::uplink::Uplink;
use kapi::{
    net::{
        reroute::{self, Queue},
        skb::SkBuff,
    },
    work::{Work, Worker},
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, ArcBorrow,
    },
};

/// As many packets as a transmit queue holds; who sends faster than the NIC can is told so by
/// losses, as he would be there.
const MAX_WAITING: u32 = 1000;

#[pin_data]
pub(crate) struct Fallback {
    #[pin]
    queue: Queue,
    nic: Arc<Uplink>,
    pub(crate) packets: Atomic<u64>,
    pub(crate) dropped: Atomic<u64>,
}

impl Fallback {
    /// Packets will leave through `nic`.
    pub(crate) fn new(nic: Arc<Uplink>) -> impl PinInit<Self> {
        pin_init!(Self {
            queue <- Queue::new(),
            nic,
            packets: Atomic::new(0),
            dropped: Atomic::new(0),
        })
    }

    /// Sends a packet through the NIC, soon. Softirq context.
    pub(crate) fn send(worker: &Worker<Self>, skb: SkBuff) {
        let this = worker.get();
        if this.queue.len() >= MAX_WAITING {
            this.dropped.add(1u64, Relaxed);
            return;
        }
        this.queue.push(skb);
        worker.kick();
    }

    /// Sends all packets that wait. Process context.
    pub(crate) fn flush(&self) {
        while let Some(skb) = self.queue.pop() {
            let count = match reroute::send_through(skb, self.nic.ifindex()) {
                Ok(()) => &self.packets,
                Err(_) => &self.dropped,
            };
            count.add(1u64, Relaxed);
        }
    }
}

impl Work for Fallback {
    fn run(&self, _worker: ArcBorrow<'_, Worker<Self>>) {
        self.flush();
    }
}
