// SPDX-License-Identifier: GPL-2.0

//! xl0 towards the stack.

use crate::{
    channel::{Settings, DEFAULT_RING_PAGES, MAX_RING_PAGES, MIN_RING_PAGES},
    fallback::Fallback,
    group::{self, Group},
    manager::Kick,
    table::Table, //
};
use core::net::Ipv4Addr;
use kapi::{
    cpu,
    net::{
        device::{Device, Driver},
        ethtool::Report,
        skb::{FlowKey, SkBuff},
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
    /// In the order of their numbers.
    groups: KVec<Arc<Group>>,
    table: Arc<RcuBox<Table>>,
    fallback: Arc<Worker<Fallback>>,
    manager: Kick,
    /// Pages of the ring of each channel that is opened from now on.
    ring_pages: Atomic<u32>,
    /// Queue pairs that such a channel is to have, if the peer has as many.
    queue_pairs: Atomic<u32>,
    /// Decides which flow takes which queue pair.
    flow_key: FlowKey,
}

impl XlDriver {
    pub(crate) fn new(
        groups: KVec<Arc<Group>>,
        table: Arc<RcuBox<Table>>,
        fallback: Arc<Worker<Fallback>>,
        manager: Kick,
    ) -> Self {
        Self {
            groups,
            table,
            fallback,
            manager,
            ring_pages: Atomic::new(DEFAULT_RING_PAGES),
            queue_pairs: Atomic::new(cpu::online().min(group::max_queue_pairs())),
            flow_key: FlowKey::random(),
        }
    }

    /// How channels that are opened from now on are to be.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            ring_pages: self.ring(),
            queue_pairs: self.queue_pairs() as usize,
        }
    }

    pub(crate) fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    pub(crate) fn table(&self) -> &RcuBox<Table> {
        &self.table
    }

    /// The group of the peer that a packet is for, if the peer would let it in.
    #[inline]
    fn group_for(&self, skb: &SkBuff) -> Option<&Group> {
        if skb.protocol() != ETHERTYPE_IPV4 {
            return None;
        }
        let mut addresses = [0; 8];
        // RFC 791: source at 12, destination at 16.
        skb.copy_bits(12, &mut addresses).ok()?;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let source = Ipv4Addr::new(s0, s1, s2, s3);
        let guard = rcu::read_lock();
        let entry = self
            .table
            .read(&guard)
            .find(Ipv4Addr::new(d0, d1, d2, d3))
            .filter(|entry| entry.accepts(source))?;
        self.groups
            .get(usize::from(entry.group))
            .map(|group| &**group)
    }

    /// Has all channels opened anew if the setting that they are opened with is another now.
    fn set(&self, setting: &Atomic<u32>, value: u32) {
        if setting.xchg(value, Full) != value {
            self.manager.get().renew();
            self.manager.kick();
        }
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
        self.group_for(skb)
            .map_or(NOBODY, |group| group.queue_for(skb, &self.flow_key))
    }

    #[inline]
    fn start_xmit(&self, dev: &Device, queue: u16, skb: SkBuff, more: bool) {
        // Since the queue was selected the peers may have changed, and a packet must not reach
        // another guest than the one it is for.
        let slot = self.group_for(&skb).and_then(|group| group.slot(queue));
        let rejected = match slot {
            Some(slot) => slot.transmit(dev, skb, more).err(),
            None => Some(skb),
        };
        if let Some(skb) = rejected {
            Fallback::send(&self.fallback, skb);
        }
    }

    fn statistics(&self, report: &mut Report<'_>) {
        let taken = || self.groups.iter().filter(|group| group.peer().is_some());
        let connected = taken().filter(|group| group.is_connected()).count();
        let broken = taken().map(|group| group.broken.get()).sum();
        let fallback = self.fallback.get();
        report.add(fmt!("peers"), taken().count() as u64);
        report.add(fmt!("channels"), connected as u64);
        report.add(fmt!("broken_channels"), broken);
        report.add(fmt!("fallback_packets"), fallback.packets.load(Relaxed));
        report.add(fmt!("tx_drops"), fallback.dropped.load(Relaxed));
        for group in taken() {
            if let Some(peer) = group.peer() {
                group.report(peer, report);
            }
        }
    }

    fn ring(&self) -> u32 {
        self.ring_pages.load(Relaxed)
    }

    /// A ring is a power of two of pages, and what is asked for is rounded up, as other drivers do.
    fn set_ring(&self, pages: u32) -> Result {
        let pages = pages.next_power_of_two();
        if pages < MIN_RING_PAGES {
            return Err(EINVAL);
        }
        self.set(&self.ring_pages, pages);
        Ok(())
    }

    fn max_queue_pairs(&self) -> u32 {
        group::max_queue_pairs()
    }

    fn queue_pairs(&self) -> u32 {
        self.queue_pairs.load(Relaxed)
    }

    fn set_queue_pairs(&self, count: u32) {
        self.set(&self.queue_pairs, count);
    }
}
