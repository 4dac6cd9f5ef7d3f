// SPDX-License-Identifier: GPL-2.0

//! Receiving: from the peer's FIFO to the stack.

use crate::data::{
    idle::Idle,
    moderation::Moderation,
    queue::{Fault, Queue},
    table::Entry,
    tx::Sender,
};
use kapi::{
    net::{
        dropreason::DropReason,
        napi::{Context, Napi, Poll, Polled},
        netdevice::OwnDevice,
        poll_timer::{Pending, PollTimer},
        receive::Frame,
    },
    xen::{
        events::EventChannel,
        grant_table::{PeerControlPage, XenMemory},
    },
};
use kernel::{
    prelude::*,
    sync::{rcu, Arc},
};
use xenfifo::{Broken, Consumer, Record, State};
use xlnet_protocol::{Acceptance, Ends, PacketMeta};

/// How often a busy poll looks for its first packet. What the core does between two polls takes longer than
/// that many looks, and what comes meanwhile waits.
const LOOKS: u32 = 32;

/// The receiving half of a channel, which belongs to the poll.
pub(crate) struct Rx<T: Poll> {
    consumer: Consumer<XenMemory>,
    /// The page of the channel's first queue pair, which has the peer's state word.
    peer: PeerControlPage,
    port: Arc<EventChannel<Napi<T>>>,
    /// The peer's state when it was last looked at.
    state: Option<State>,
    /// The revision of what the peer says of the packets that it takes.
    acceptance: u32,
    /// Whether anything came of the peer's events since the last one was ended. What an event
    /// tells of is often found, and dealt with, before the event arrives, so the event that finds
    /// nothing is not spurious for that alone.
    useful: bool,
    moderation: Moderation,
    idle: Idle,
    timer: Arc<PollTimer<T>>,
    /// The next poll, if the peer was not asked to tell of the next packet.
    pending: Option<Pending<T>>,
    /// Whether GRO may hold packets of a busy poll that used its budget.
    is_unflushed: bool,
}

impl<T: Poll> Rx<T> {
    pub(crate) fn new(
        consumer: Consumer<XenMemory>,
        peer: PeerControlPage,
        port: Arc<EventChannel<Napi<T>>>,
        timer: Arc<PollTimer<T>>,
        idle: Idle,
    ) -> Self {
        Self {
            consumer,
            peer,
            port,
            // The first poll reports.
            state: None,
            acceptance: 0,
            useful: false,
            moderation: Moderation::new(),
            idle,
            timer,
            pending: None,
            is_unflushed: false,
        }
    }

    /// Receives at most `budget` packets; see [`kapi::net::napi::Poll`]. `room` tells that the peer
    /// made room, or was asked to tell of it.
    #[inline]
    pub(crate) fn poll(
        &mut self,
        queue: &Queue,
        sender: &Sender<Napi<T>>,
        context: &mut Context<'_>,
        budget: u32,
        room: bool,
    ) -> Polled {
        self.useful |= room;
        let (work, result) = match self.look_at_state(queue, sender, context.device()) {
            Ok(()) => self.receive_all(queue, sender, context, budget),
            Err(reason) => (0, Err(reason)),
        };
        self.useful |= work > 0;
        match result {
            // More is there, or may be.
            Ok(()) if work >= budget => Polled::More,
            Ok(()) => {
                if self.port.eoi(!self.useful) {
                    self.useful = false;
                }
                Polled::Done(work)
            }
            Err(reason) => {
                // The event is never ended, and nobody polls: nothing the peer sends is looked at again.
                self.idle.stop(context.id());
                sender.close(queue, context.device());
                queue.report(Fault::Broken(reason));
                Polled::Done(work)
            }
        }
    }

    /// Reports that the peer's state changed, and stops sending if the peer is closing. It only
    /// ever grows, so that is seldom: a peer that had it go back and forth would have something to
    /// tell with each of its events.
    #[inline]
    fn look_at_state(
        &mut self,
        queue: &Queue,
        sender: &Sender<Napi<T>>,
        dev: &OwnDevice,
    ) -> Result<(), Broken> {
        let state = State::load(&self.peer)?;
        if Some(state) < self.state {
            return Err(Broken::State);
        }
        if Some(state) != self.state {
            self.state = Some(state);
            self.useful = true;
            if state > State::Ready {
                // The manager does so, too, but may be waiting for XenStore.
                sender.close(queue, dev);
            }
            queue.report_state();
        }
        let acceptance = self.peer.user_word(Acceptance::REVISION);
        if acceptance != self.acceptance {
            self.acceptance = acceptance;
            self.useful = true;
            queue.report_acceptance();
        }
        Ok(())
    }

    /// Receives until the budget is used, or the FIFO is empty and the next poll is arranged for.
    #[inline]
    fn receive_all(
        &mut self,
        queue: &Queue,
        sender: &Sender<Napi<T>>,
        context: &mut Context<'_>,
        budget: u32,
    ) -> (u32, Result<(), Broken>) {
        // Most polls of a CPU that has nothing else to do find nothing, and to read the clock takes long.
        let mut begun = None;
        self.moderation.begin();
        // It begins and ends between two polls.
        let is_busy_polling = context.is_busy_polling();
        let mut looks = 0;
        let mut work = 0;
        let result = loop {
            match self.consumer.peek() {
                Ok(Some(record)) => {
                    if begun.is_none() {
                        begun = Some(self.moderation.first());
                    }
                    self.moderation.count(record.len());
                    receive(queue, context, record);
                    work += 1;
                    if work == budget {
                        self.is_unflushed = is_busy_polling;
                        break Ok(());
                    }
                }
                // Who polls all the time needs no events; the core polls once more when it stops,
                // and only then would it look after what GRO holds.
                Ok(None) if is_busy_polling => {
                    if looks == 0 {
                        self.consumer.disable_notification();
                    }
                    if work > 0 || self.is_unflushed {
                        self.is_unflushed = false;
                        context.flush();
                        break Ok(());
                    }
                    looks += 1;
                    if looks == LOOKS {
                        break Ok(());
                    }
                }
                Ok(None) => {
                    self.publish(queue);
                    match self.sleep() {
                        // Something came in between.
                        Ok(true) => {}
                        Ok(false) => break Ok(()),
                        Err(reason) => break Err(reason),
                    }
                }
                Err(reason) => break Err(reason),
            }
        };
        self.publish(queue);
        // A delay is for packets of which many come together.
        if let (Ok(()), Some(begun), None) = (&result, begun, &self.pending) {
            if work < budget {
                self.idle.received(context.id(), sender.cpu(), begun, work);
            }
        }
        (work, result)
    }

    /// Arranges for the next poll. `true`: it has to be now.
    #[inline]
    fn sleep(&mut self) -> Result<bool, Broken> {
        self.pending = None;
        match self.moderation.next() {
            None => self.consumer.wait(),
            Some(delay) => {
                // A sender that is faster than expected must not find the ring full.
                let awake = self.consumer.wait_for(self.consumer.size() / 4 * 3)?;
                if !awake {
                    self.pending = Some(self.timer.clone().start(delay));
                }
                Ok(awake)
            }
        }
    }

    /// Gives the room of what was received back to the peer.
    #[inline]
    fn publish(&mut self, queue: &Queue) {
        if self.consumer.publish() {
            self.port.notify();
            queue.counters.rx_events.add(1);
        }
    }
}

/// Copies a packet out of the FIFO, checks it, and hands it to the stack.
#[inline]
fn receive(queue: &Queue, context: &mut Context<'_>, record: Record<'_, XenMemory>) {
    // The peer must not be left waiting for room, whether or not anybody has told it.
    if !context.device().is_running() {
        context.device().count_rx_dropped();
        return record.consume();
    }
    let counters = &queue.counters;
    let len = record.len();
    let meta = PacketMeta::from_bytes(record.meta());
    if len == 0 || !meta.is_of_family() {
        counters.rx_drop_invalid.add(1);
        return record.consume();
    }
    let Some(skb) = context.alloc(len) else {
        counters.rx_drop_nomem.add(1);
        return record.consume();
    };
    let filled = skb.fill(&record);
    record.consume();
    // From here on only the copy counts.
    let Some(skb) = filled else {
        counters.rx_drop_invalid.add(1);
        return;
    };
    let Some(ends) = Ends::read(meta.ethertype, |header| skb.copy_first(header)) else {
        counters.rx_drop_invalid.add(1);
        return skb.lose(DropReason::IpHeader);
    };
    let guard = rcu::read_lock();
    let entry = match sender(queue, &ends, &guard) {
        Ok(entry) => entry,
        Err(reason) => {
            counters.rx_drop_source.add(1);
            return skb.lose(reason);
        }
    };
    let Some(nic) = queue.uplink.device.get(&guard) else {
        queue.uplink.rx_drops.add(1);
        context.device().count_rx_dropped();
        return skb.lose(DropReason::DeviceNotReady);
    };
    let frame = Frame {
        nic,
        source: entry.sighting.mac(),
        protocol: meta.ethertype,
    };
    let Ok(skb) = skb.complete(&frame, queue.number, meta.virtio_net_hdr) else {
        counters.rx_drop_invalid.add(1);
        return;
    };
    counters.rx_packets.add(1);
    counters.rx_bytes.add(len.into());
    context.device().count_rx(len);
    context.receive(skb);
}

/// The peer's entry for the source, if it may send from there to the destination, or what is wrong.
#[inline]
fn sender<'a>(
    queue: &'a Queue,
    ends: &Ends,
    guard: &'a rcu::Guard,
) -> Result<&'a Entry, DropReason> {
    let table = queue.table.read(guard);
    let entry = table
        .find(ends.source)
        .filter(|entry| entry.group() == Some(queue.group) && entry.sighting.is_accepted())
        .ok_or(DropReason::IpSource)?;
    if !table.is_own(ends.destination) {
        return Err(DropReason::IpDestination);
    }
    Ok(entry)
}
