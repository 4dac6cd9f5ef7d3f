// SPDX-License-Identifier: GPL-2.0

//! xl0 towards the stack.

use crate::data::{
    bell::Bell,
    figures::Peers,
    group::{self, Group},
    settings::{Current, MAX_RING_PAGES},
    table::{Entry, Table, To},
    uplink::Uplink,
    way_out::WayOut,
};
use core::net::IpAddr;
use kapi::{
    cpu,
    net::{
        ethtool::Report,
        netdevice::{Device, Driver, OwnDevice, QueueStatistics},
        skbuff::SkBuff,
    },
    sync::RcuBox,
};
use kernel::{
    prelude::*,
    sync::{atomic::Relaxed, rcu, Arc},
};
use xlnet_protocol::Ends;

/// The queue whose packets take the way out.
const NOBODY: u16 = 0;

pub(crate) struct XlDriver {
    /// In the order of their numbers.
    groups: KVec<Arc<Group>>,
    table: Arc<RcuBox<Table>>,
    uplink: Arc<Uplink>,
    way_out: WayOut,
    bell: Bell,
    settings: Current,
}

impl XlDriver {
    pub(crate) fn new(
        groups: KVec<Arc<Group>>,
        table: Arc<RcuBox<Table>>,
        uplink: Arc<Uplink>,
        way_out: WayOut,
        bell: Bell,
    ) -> Self {
        Self {
            groups,
            table,
            uplink,
            way_out,
            bell,
            settings: Current::new(cpu::online().min(group::max_queue_pairs())),
        }
    }

    /// How channels are to be.
    pub(crate) fn settings(&self) -> &Current {
        &self.settings
    }

    pub(crate) fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    pub(crate) fn table(&self) -> &RcuBox<Table> {
        &self.table
    }

    /// Looks up the peer that a packet is to be handed to, and has `with` say what is to be known of that, from
    /// its entry and the packet's source.
    #[inline]
    fn look_up<R>(&self, skb: &SkBuff<'_>, with: impl FnOnce(&Entry, IpAddr) -> R) -> Option<R> {
        let ends = Ends::read(skb.protocol(), |header| skb.copy_bits(0, header).is_ok())?;
        // A packet for one machine may be for another one's hands.
        if skb.next_hop(ends.destination) != Some(ends.destination) {
            return None;
        }
        let guard = rcu::read_lock();
        let entry = self.table.read(&guard).find(ends.destination)?;
        Some(with(entry, ends.source))
    }

    /// The group of the peer that a packet is for, if the peer has one and would let the packet in.
    #[inline]
    fn group_for(&self, skb: &SkBuff<'_>) -> Option<&Group> {
        let number = |entry: &Entry, source| entry.group().filter(|_| entry.accepts(source));
        self.group(self.look_up(skb, number)??)
    }

    /// A packet that was queued on `queue` is for no channel, and none follows it. Those before it may
    /// have been for one.
    fn flush(&self, queue: u16) {
        if queue == NOBODY {
            return;
        }
        if let Some(slot) = self.groups.iter().find_map(|group| group.slot(queue)) {
            slot.sender.flush(&slot.queue);
        }
    }

    #[inline]
    fn group(&self, number: u16) -> Option<&Group> {
        let group = self.groups.get(usize::from(number));
        group.map(|group| &**group)
    }
}

impl Driver for XlDriver {
    const NAME: &'static CStr = c"xlnet";
    type Layout = Peers;
    const MAX_RING: u32 = MAX_RING_PAGES;

    fn open(&self, _dev: &OwnDevice) {
        self.bell.heard();
    }

    fn stop(&self, _dev: &OwnDevice) {
        self.bell.heard();
    }

    fn select_queue(&self, dev: &OwnDevice, skb: &SkBuff<'_>) -> u16 {
        self.group_for(skb)
            .map_or(NOBODY, |group| group.queue_for(dev, skb))
    }

    #[inline]
    fn start_xmit(&self, dev: &OwnDevice, queue: u16, skb: SkBuff<'_>, more: bool) {
        // Since the queue was selected the peers may have changed, and a packet must not reach
        // another guest than the one it is for.
        let number = self.look_up(&skb, |entry, source| match &entry.to {
            To::Group(number) => entry.accepts(source).then_some(*number),
            To::WayOut(dormant) => {
                // What a channel would not take is no reason to have one.
                if entry.own.vouches(source) && dormant.sent() {
                    self.bell.heard();
                }
                None
            }
        });
        let group = number.flatten().and_then(|number| self.group(number));
        let slot = group.and_then(|group| group.slot(queue));
        let rejected = match slot {
            Some(slot) => slot.sender.transmit(&slot.queue, dev, skb, more).err(),
            None => {
                if !more {
                    self.flush(queue);
                }
                Some(skb)
            }
        };
        if let Some(skb) = rejected {
            self.way_out.send(skb);
        }
    }

    fn receive_as<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Device> {
        self.uplink.for_received(guard)
    }

    fn layout(&self) -> Peers {
        Peers::of(&self.groups)
    }

    fn statistics(&self, peers: &Peers, report: &mut Report<'_>) {
        let taken = || self.groups.iter().filter(|group| group.peer().is_some());
        let connected = taken().filter(|group| group.is_connected()).count();
        let broken = taken().map(|group| group.broken.get()).sum();
        report.add(fmt!("peers"), taken().count() as u64);
        report.add(fmt!("channels"), connected as u64);
        report.add(fmt!("broken_channels"), broken);
        report.add(fmt!("fallback_packets"), self.way_out.packets.load(Relaxed));
        report.add(fmt!("tx_drops"), self.way_out.dropped.load(Relaxed));
        report.add(fmt!("rx_drop_nic"), self.uplink.rx_drops.get());
        peers.report(&self.groups, report);
    }

    fn queue(&self, queue: u16) -> Option<QueueStatistics> {
        let mut taken = self.groups.iter().filter(|group| group.peer().is_some());
        let slot = taken.find_map(|group| group.slot(queue))?;
        Some(slot.queue.counters.of_queue())
    }

    fn ring(&self) -> u32 {
        self.settings.ring_pages()
    }

    fn set_ring(&self, pages: u32) -> Result {
        if self.settings.set_ring_pages(pages)? {
            self.bell.heard();
        }
        Ok(())
    }

    fn max_queue_pairs(&self) -> u32 {
        group::max_queue_pairs()
    }

    fn queue_pairs(&self) -> u32 {
        self.settings.queue_pairs()
    }

    fn set_queue_pairs(&self, count: u32) {
        if self.settings.set_queue_pairs(count) {
            self.bell.heard();
        }
    }
}
