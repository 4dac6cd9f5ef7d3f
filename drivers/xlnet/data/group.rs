// SPDX-License-Identifier: GPL-2.0

//! A group: the slots that serve one peer, one for each queue pair that its channel may have.
//!
//! A flow keeps to one queue pair, the same one in both directions, so that its packets keep their
//! order and are received where they are sent from; different flows use different ones, so that
//! several CPUs send and receive at the same time.

use crate::data::{
    bell::Bell,
    queue::{Fault, Queue},
    slot::{NapiSlot, Slot},
    stats::{Counter, Counters},
    table::Table,
    uplink::Uplink,
};
use core::ops::Deref;
use kapi::{
    cpu,
    net::{
        ethtool::Report,
        idle_poll::IdleThreads,
        netdevice::OwnDevice,
        skbuff::{FlowKey, SkBuff},
        Rtnl,
    },
    sync::RcuBox,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        Arc,
    },
};
use xlnet_protocol::{Traffic, MAX_QUEUE_PAIRS};

/// Peers that a guest may have at most at one time: as many as it may ask dom0 for.
pub(crate) const MAX_GROUPS: u16 = xlnet_protocol::MAX_WISHES as u16;

/// So many of the groups have a slot for each queue pair that a channel may have, and are given out first; the
/// others have one. More would not be of use: the grants for them are not there.
const LARGE_GROUPS: u16 = 16;

pub(crate) struct Group {
    number: u16,
    /// The first slot's transmit queue; the others' follow.
    queue: u16,
    slots: KVec<Arc<NapiSlot>>,
    /// The peer's domain id, 0 if the group is free. Changes with RTNL held.
    peer: Atomic<u32>,
    /// How many slots take packets: the first ones; 0 if the peer is not connected.
    open: Atomic<u32>,
    /// Decides which flow takes which slot. Changes while the peer is not connected.
    flow_key: [Atomic<u64>; 2],
    /// Channels that ended because the peer wrote what it never may.
    pub(crate) broken: Counter,
    /// Channels that ended because the peer did not receive.
    pub(crate) stalled: Counter,
}

/// A group that a peer has; dropping this gives it back. All in process context, RTNL not held.
pub(crate) struct Taken(Arc<Group>);

impl Taken {
    /// Gives a free group to the domain `peer`. Its transmit queues are in use from then on.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(group: Arc<Group>, peer: u16, dev: &OwnDevice) -> Result<Self> {
        let rtnl = Rtnl::lock();
        dev.use_queues(group.queue + group.slots.len() as u16, &rtnl)?;
        group.set_peer(peer, &rtnl);
        Ok(Self(group))
    }
}

impl Deref for Taken {
    type Target = Arc<Group>;

    fn deref(&self) -> &Arc<Group> {
        &self.0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.set_peer(0, &Rtnl::lock());
    }
}

/// Queue pairs that a channel has at most: as many as CPUs could serve them.
pub(crate) fn max_queue_pairs() -> u32 {
    cpu::possible().clamp(1, MAX_QUEUE_PAIRS as u32)
}

/// Slots of the group of this number.
fn size(number: u16) -> u16 {
    if number < LARGE_GROUPS {
        max_queue_pairs() as u16
    } else {
        1
    }
}

/// Transmit queues that the device needs for so many groups. Queue 0 is nobody's: what is queued there
/// takes the fallback.
pub(crate) fn queues(groups: u16) -> u16 {
    1 + (0..groups).map(size).sum::<u16>()
}

/// Creates `count` groups, in the order of their numbers. Process context.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn all(
    count: u16,
    table: &Arc<RcuBox<Table>>,
    uplink: &Arc<Uplink>,
    bell: &Bell,
    idle_threads: Option<&Arc<IdleThreads>>,
) -> Result<KVec<Arc<Group>>> {
    let mut groups = KVec::with_capacity(count.into(), GFP_KERNEL)?;
    for number in 0..count {
        let size = size(number);
        let mut slots = KVec::with_capacity(size.into(), GFP_KERNEL)?;
        let queue = queues(number);
        for i in 0..size {
            let (table, uplink, bell) = (table.clone(), uplink.clone(), bell.clone());
            let queue = Queue::new(queue + i, number, table, uplink, bell);
            slots.push(Slot::new(queue, idle_threads)?, GFP_KERNEL)?;
        }
        let group = Group {
            number,
            queue,
            slots,
            peer: Atomic::new(0),
            open: Atomic::new(0),
            flow_key: [Atomic::new(0), Atomic::new(0)],
            broken: Counter::new(),
            stalled: Counter::new(),
        };
        groups.push(Arc::new(group, GFP_KERNEL)?, GFP_KERNEL)?;
    }
    Ok(groups)
}

impl Group {
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    pub(crate) fn slots(&self) -> &[Arc<NapiSlot>] {
        &self.slots
    }

    /// The peer, if the group is taken.
    pub(crate) fn peer(&self) -> Option<u32> {
        Some(self.peer.load(Relaxed)).filter(|&peer| peer != 0)
    }

    /// Gives the group to a peer, or takes it back with 0.
    fn set_peer(&self, peer: u16, _rtnl: &Rtnl) {
        self.slots
            .iter()
            .for_each(|slot| slot.queue.counters.reset());
        self.broken.reset();
        self.stalled.reset();
        self.peer.store(peer.into(), Relaxed);
    }

    /// Begins to take packets, in the first `count` slots. By the key both ends find the same slot
    /// for a flow.
    pub(crate) fn open(&self, count: usize, flow_key: [u64; 2]) {
        self.slots
            .iter()
            .take(count)
            .for_each(|slot| slot.sender.open());
        for (to, from) in self.flow_key.iter().zip(flow_key) {
            to.store(from, Relaxed);
        }
        self.open.store(count as u32, Release);
    }

    /// Takes no more packets.
    pub(crate) fn close(&self, dev: &OwnDevice) {
        self.open.store(0, Relaxed);
        self.slots
            .iter()
            .for_each(|slot| slot.sender.close(&slot.queue, dev));
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.open.load(Relaxed) > 0
    }

    /// The transmit queue for a packet to the peer. Process or softirq context.
    #[inline]
    pub(crate) fn queue_for(&self, dev: &OwnDevice, skb: &SkBuff<'_>) -> u16 {
        let open = self.open.load(Acquire);
        if open <= 1 {
            return self.queue;
        }
        let [first, second] = &self.flow_key;
        let key = FlowKey::new([first.load(Relaxed), second.load(Relaxed)]);
        let hash = skb.flow_hash(&key);
        // The administrator's choice comes first.
        let queues = self.queue..self.queue + open as u16;
        dev.mapped_queue(skb, queues, hash).unwrap_or_else(|| {
            // As the kernel's `reciprocal_scale`: a number below `open`, without a division.
            self.queue + ((u64::from(hash) * u64::from(open)) >> 32) as u16
        })
    }

    /// The slot with a transmit queue, if it is one of these.
    #[inline]
    pub(crate) fn slot(&self, queue: u16) -> Option<&Arc<NapiSlot>> {
        self.slots.get(usize::from(queue.checked_sub(self.queue)?))
    }

    /// Packets of the peer's that were refused for their addresses.
    pub(crate) fn refused(&self) -> u64 {
        let counters = self.slots.iter().map(|slot| &slot.queue.counters);
        counters.map(|counters| counters.rx_drop_source.get()).sum()
    }

    /// What was exchanged with the peer.
    pub(crate) fn traffic(&self) -> Traffic {
        let mut sum = Traffic::default();
        for slot in &self.slots {
            let counters = &slot.queue.counters;
            sum.tx_packets += counters.tx_packets.get();
            sum.tx_bytes += counters.tx_bytes.get();
            sum.rx_packets += counters.rx_packets.get();
            sum.rx_bytes += counters.rx_bytes.get();
        }
        sum
    }

    /// Says what ends the channel.
    pub(crate) fn report_fault(&self, fault: Fault) {
        if let Some(slot) = self.slots.first() {
            slot.queue.report(fault);
        }
    }

    /// What the data path found since the last call.
    pub(crate) fn take_fault(&self) -> Option<Fault> {
        self.slots.iter().find_map(|slot| slot.queue.take_fault())
    }

    /// Reports the statistics of a peer that has the group, or had it: then they are 0. The names depend on
    /// nothing but the peer.
    pub(crate) fn report(&self, peer: u32, report: &mut Report<'_>) {
        let here = self.peer() == Some(peer);
        let value = |value: u64| if here { value } else { 0 };
        let open = value(self.open.load(Relaxed).into());
        report.add(fmt!("peer{peer}_connected"), (open > 0).into());
        report.add(fmt!("peer{peer}_queue_pairs"), open);
        let counters = self.slots.iter().map(|slot| &slot.queue.counters);
        Counters::report(counters.clone().filter(|_| here), peer, report);
        report.add(fmt!("peer{peer}_broken"), value(self.broken.get()));
        report.add(fmt!("peer{peer}_stalled"), value(self.stalled.get()));
        if self.slots.len() == 1 {
            return;
        }
        for (i, counters) in counters.enumerate() {
            report.add(
                fmt!("peer{peer}_pair{i}_tx_packets"),
                value(counters.tx_packets.get()),
            );
            report.add(
                fmt!("peer{peer}_pair{i}_rx_packets"),
                value(counters.rx_packets.get()),
            );
        }
    }
}
