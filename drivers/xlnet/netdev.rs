// SPDX-License-Identifier: GPL-2.0

//! xl0 towards the stack.

use crate::{
    channel::{DEFAULT_RING_PAGES, MAX_RING_PAGES, MIN_RING_PAGES},
    fallback::Fallback,
    manager::Kick,
    slot::NapiSlot,
    table::Table, //
};
use core::net::Ipv4Addr;
use kapi::{
    net::{
        device::{Device, Driver},
        ethtool::Report,
        skb::SkBuff,
    },
    sync::RcuBox,
    work::Worker,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        rcu, Arc,
    },
};
use xlnet_protocol::ETHERTYPE_IPV4;

/// The queue whose packets take the fallback.
const NOBODY: u16 = 0;

pub(crate) struct XlDriver {
    /// Slot `i` has queue `i + 1`.
    slots: KVec<Arc<NapiSlot>>,
    table: Arc<RcuBox<Table>>,
    fallback: Arc<Worker<Fallback>>,
    manager: Kick,
    /// Pages of the ring of each channel that is opened from now on.
    ring_pages: Atomic<u32>,
}

impl XlDriver {
    pub(crate) fn new(
        slots: KVec<Arc<NapiSlot>>,
        table: Arc<RcuBox<Table>>,
        fallback: Arc<Worker<Fallback>>,
        manager: Kick,
    ) -> Self {
        Self {
            slots,
            table,
            fallback,
            manager,
            ring_pages: Atomic::new(DEFAULT_RING_PAGES),
        }
    }

    pub(crate) fn ring_pages(&self) -> u32 {
        self.ring_pages.load(Relaxed)
    }

    pub(crate) fn slots(&self) -> &[Arc<NapiSlot>] {
        &self.slots
    }

    pub(crate) fn table(&self) -> &RcuBox<Table> {
        &self.table
    }

    #[inline]
    fn slot(&self, queue: u16) -> Option<&Arc<NapiSlot>> {
        self.slots.get(usize::from(queue.checked_sub(1)?))
    }

    /// The queue of the peer that a packet is for, if the peer would let it in.
    #[inline]
    fn queue_for(&self, skb: &SkBuff) -> u16 {
        if skb.protocol() != ETHERTYPE_IPV4 {
            return NOBODY;
        }
        let mut addresses = [0; 8];
        // RFC 791: source at 12, destination at 16.
        if skb.copy_bits(12, &mut addresses).is_err() {
            return NOBODY;
        }
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let source = Ipv4Addr::new(s0, s1, s2, s3);
        let guard = rcu::read_lock();
        self.table
            .read(&guard)
            .find(Ipv4Addr::new(d0, d1, d2, d3))
            .filter(|entry| entry.accepts(source))
            .map_or(NOBODY, |entry| entry.queue)
    }
}

impl Driver for XlDriver {
    const NAME: &'static CStr = c"xlnet";
    const VERSION: &'static CStr = c"0.1.0";
    const MAX_RING: u32 = MAX_RING_PAGES;

    fn open(&self, _dev: &Device) {
        self.manager.kick();
    }

    fn stop(&self, _dev: &Device) {
        self.manager.kick();
    }

    fn select_queue(&self, skb: &SkBuff) -> u16 {
        self.queue_for(skb)
    }

    #[inline]
    fn start_xmit(&self, dev: &Device, queue: u16, skb: SkBuff, more: bool) {
        // Since the queue was selected the peers may have changed, and a packet must not reach
        // another guest than the one it is for.
        let queue = if self.queue_for(&skb) == queue {
            queue
        } else {
            NOBODY
        };
        let rejected = match self.slot(queue) {
            Some(slot) => slot.transmit(dev, skb, more).err(),
            None => Some(skb),
        };
        if let Some(skb) = rejected {
            Fallback::send(&self.fallback, skb);
        }
    }

    fn statistics(&self, report: &mut Report<'_>) {
        let taken = || self.slots.iter().filter(|slot| slot.peer().is_some());
        let connected = taken().filter(|slot| slot.is_connected()).count();
        let broken = taken().map(|slot| slot.counters.broken.get()).sum();
        let fallback = self.fallback.get();
        report.add(fmt!("peers"), taken().count() as u64);
        report.add(fmt!("channels"), connected as u64);
        report.add(fmt!("broken_channels"), broken);
        report.add(fmt!("fallback_packets"), fallback.packets.load(Relaxed));
        report.add(fmt!("tx_drops"), fallback.dropped.load(Relaxed));
        for slot in taken() {
            if let Some(peer) = slot.peer() {
                report.add(fmt!("peer{peer}_connected"), slot.is_connected().into());
                slot.counters.report(peer, report);
            }
        }
    }

    fn ring(&self) -> u32 {
        self.ring_pages()
    }

    /// A ring is a power of two of pages, and what is asked for is rounded up, as other drivers do.
    fn set_ring(&self, pages: u32) -> Result {
        let pages = pages.next_power_of_two();
        if pages < MIN_RING_PAGES {
            return Err(EINVAL);
        }
        if self.ring_pages.xchg(pages, Full) != pages {
            self.manager.get().renew();
            self.manager.kick();
        }
        Ok(())
    }
}
