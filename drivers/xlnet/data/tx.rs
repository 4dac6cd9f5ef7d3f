// SPDX-License-Identifier: GPL-2.0

//! Sending: from the stack into the peer's FIFO.

use crate::data::{
    backlog::{Backlog, STALL_MS},
    queue::{Fault, Queue},
    senders::Senders,
};
use kapi::{
    cpu,
    net::{netdevice::OwnDevice, skbuff::SkBuff},
    new_bh_lock,
    sync::BhLock,
    xen::{
        events::{EventChannel, EventHandler},
        grant_table::XenMemory,
    },
};
use kernel::{
    cpu::{nr_cpu_ids, CpuId},
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed},
        Arc,
    },
};
use xenfifo::{Broken, Producer, PushError, Unreadable};
use xlnet_protocol::PacketMeta;

/// The largest packet that the stack may hand over, an IPv6 header with the longest payload; a queue
/// with less room than that is stopped, so that it never has to refuse one.
pub(crate) const MAX_PACKET: u32 = 65535 + 40;

/// The sending half of a channel.
pub(crate) struct Tx<H: EventHandler> {
    producer: Producer<XenMemory>,
    port: Arc<EventChannel<H>>,
    backlog: Backlog,
    senders: Senders,
    /// Whether new packets are taken.
    open: bool,
}

impl<H: EventHandler> Tx<H> {
    pub(crate) fn new(
        producer: Producer<XenMemory>,
        port: Arc<EventChannel<H>>,
        backlog: Backlog,
    ) -> Self {
        Self {
            producer,
            port,
            backlog,
            senders: Senders::new(),
            open: false,
        }
    }

    /// Writes a packet into the FIFO, unpublished.
    #[inline]
    fn push(&mut self, skb: &SkBuff<'_>) -> Result<(), PushError> {
        let meta = PacketMeta {
            virtio_net_hdr: skb.virtio_net_hdr().map_err(|_| Unreadable)?,
            ethertype: skb.protocol(),
        };
        self.producer
            .push_with(meta.to_bytes(), skb.len(), |offset, chunk| {
                skb.copy_bits(offset, chunk).map_err(|_| Unreadable)
            })
    }

    /// Stops the queue if the next packet might not fit, and publishes unless there is more to
    /// come. `asked` is the sender's.
    #[inline]
    fn follow_up(
        &mut self,
        queue: &Queue,
        dev: &OwnDevice,
        asked: &Atomic<bool>,
        more: bool,
    ) -> Result<(), Broken> {
        let full = !self.producer.fits(MAX_PACKET)?;
        if full {
            queue.counters.tx_full.add(1);
            dev.stop_queue(queue.number);
        }
        if full || !more {
            self.publish(queue)?;
        }
        // The queue was stopped, and this noted, before the peer is asked to tell of room, and the answer comes
        // to `wake`, which then takes the same lock: no wake-up is lost.
        if full {
            asked.xchg(true, Full);
            self.resume(queue, dev)?;
        }
        Ok(())
    }

    /// Shows the peer all that is written, and tells it of that if it has asked for that.
    #[inline]
    fn publish(&mut self, queue: &Queue) -> Result<(), Broken> {
        if self.producer.publish()? {
            self.port.notify();
            queue.counters.tx_events.add(1);
        } else {
            queue.counters.tx_events_suppressed.add(1);
        }
        Ok(())
    }

    /// Lets a stopped queue go on if there is room, and asks the peer to tell of that otherwise. Returns
    /// whether it goes on.
    fn resume(&mut self, queue: &Queue, dev: &OwnDevice) -> Result<bool, Broken> {
        let there = self.producer.wait_for(MAX_PACKET)?;
        if there {
            dev.wake_queue(queue.number);
        }
        Ok(there)
    }

    /// The same; if the peer lies, takes no more packets and reports that.
    fn resume_or_refuse(&mut self, queue: &Queue, dev: &OwnDevice) -> bool {
        self.resume(queue, dev).unwrap_or_else(|reason| {
            self.refuse(queue, dev);
            queue.report(Fault::Broken(reason));
            false
        })
    }

    /// Takes no more packets: those that wait in the queue take the way out.
    fn refuse(&mut self, queue: &Queue, dev: &OwnDevice) {
        self.open = false;
        dev.wake_queue(queue.number);
    }
}

/// Where the sending half of a slot's channel is, while there is one. `queue` is always the slot's.
#[pin_data]
pub(crate) struct Sender<H: EventHandler> {
    #[pin]
    tx: BhLock<Option<Tx<H>>>,
    /// Whether the peer was asked to tell of room, and no poll has looked since. Written under the lock; a poll,
    /// which may be one of thousands in a row, reads it without.
    asked: Atomic<bool>,
    /// The CPU of those who send, or no CPU's number. Written under the lock.
    cpu: Atomic<u32>,
}

impl<H: EventHandler> Sender<H> {
    /// One without a channel.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tx <- new_bh_lock!(None),
            asked: Atomic::new(false),
            cpu: Atomic::new(u32::MAX),
        })
    }

    /// There is a channel.
    pub(crate) fn begin(&self, tx: Tx<H>) {
        let mut guard = self.tx.lock();
        self.asked.store(false, Relaxed);
        self.cpu.store(u32::MAX, Relaxed);
        *guard = Some(tx);
    }

    /// The CPU of the tasks that send, and wait for what is received, if it is known.
    #[inline]
    pub(crate) fn cpu(&self) -> Option<CpuId> {
        CpuId::from_u32(self.cpu.load(Relaxed))
    }

    /// There is none any more. Returns its sending half.
    pub(crate) fn end(&self) -> Option<Tx<H>> {
        self.tx.lock().take()
    }

    /// Begins to take packets.
    pub(crate) fn open(&self) {
        if let Some(tx) = self.tx.lock().as_mut() {
            tx.open = true;
        }
    }

    /// Takes no more packets; those that wait in the queue go to the fallback. Any context but a hard
    /// interrupt's.
    pub(crate) fn close(&self, queue: &Queue, dev: &OwnDevice) {
        if let Some(tx) = self.tx.lock().as_mut() {
            // More was to follow what is not published yet, and takes the way out now.
            let _ = tx.publish(queue);
            tx.refuse(queue, dev);
        }
    }

    /// What was to follow the packets before takes the way out. Softirq context.
    pub(crate) fn flush(&self, queue: &Queue) {
        if let Some(tx) = self.tx.lock().as_mut() {
            // Who lies is found when more is sent.
            let _ = tx.publish(queue);
        }
    }

    /// Sends a packet to the peer, or gives it back if there is no channel for it. Softirq context,
    /// one caller at a time.
    #[inline]
    pub(crate) fn transmit<'a>(
        &self,
        queue: &Queue,
        dev: &OwnDevice,
        skb: SkBuff<'a>,
        more: bool,
    ) -> Result<(), SkBuff<'a>> {
        let mut guard = self.tx.lock();
        let Some(tx) = guard.as_mut().filter(|tx| tx.open) else {
            return Err(skb);
        };
        let pushed = tx.push(&skb);
        if let Err(reason) = tx.follow_up(queue, dev, &self.asked, more) {
            tx.refuse(queue, dev);
            queue.report(Fault::Broken(reason));
        }
        match pushed {
            Ok(()) => {
                let len = skb.len();
                queue.counters.tx_packets.add(1);
                queue.counters.tx_bytes.add(len.into());
                dev.count_tx(len);
                skb.tx_timestamp();
                skb.consume();
                // With one CPU there is nowhere else to go.
                if nr_cpu_ids() > 1 {
                    self.follow(tx);
                }
                Ok(())
            }
            // Whatever it is, the NIC knows how to say no.
            Err(_) => Err(skb),
        }
    }

    /// A packet was sent: has what comes for the tasks that send received where most of them run.
    ///
    /// A move disturbs no flow's order. Whatever CPU an event arrives on, it schedules the one NAPI
    /// instance that reads this ring. The core lets one CPU at a time poll that, and a poll has handed
    /// all that it received to the stack, what GRO held included, before the next one may begin
    /// elsewhere.
    #[inline]
    fn follow(&self, tx: &mut Tx<H>) {
        let Some(cpu) = cpu::of_user_task() else {
            return;
        };
        if let Some(cpu) = tx.senders.sent(cpu) {
            // Where the administrator has said so, events stay, and polling alone follows. If he
            // takes that back, the next attempt does it.
            let _ = tx.port.move_to(cpu);
            self.cpu.store(cpu.as_u32(), Relaxed);
        } else if self.cpu().is_none() {
            // There were too few to say more.
            self.cpu.store(cpu.as_u32(), Relaxed);
        }
    }

    /// Wakes the queue if it was stopped and there is room again. Returns whether the peer had
    /// reason to send an event. Softirq context.
    #[inline]
    pub(crate) fn wake(&self, queue: &Queue, dev: &OwnDevice) -> bool {
        if !self.asked.load(Acquire) {
            return false;
        }
        let mut guard = self.tx.lock();
        let Some(tx) = guard.as_mut().filter(|tx| tx.open) else {
            return false;
        };
        if tx.resume_or_refuse(queue, dev) {
            self.asked.store(false, Relaxed);
        }
        true
    }

    /// Looks whether the peer still leaves what was sent to it, `elapsed` milliseconds after the last look,
    /// and takes no more packets if it has done so for too long. Returns whether there is something that it
    /// has not received. Process context.
    pub(crate) fn look_at_backlog(&self, queue: &Queue, dev: &OwnDevice, elapsed: u64) -> bool {
        let mut guard = self.tx.lock();
        let Some(tx) = guard.as_mut().filter(|tx| tx.open) else {
            return false;
        };
        let waited = tx.backlog.look(elapsed);
        if waited.is_some_and(|waited| waited >= STALL_MS) {
            tx.refuse(queue, dev);
            // Under the lock, so that the channel that is told of is this one.
            queue.report(Fault::Stalled);
        } else if self.asked.load(Relaxed) {
            // A peer that makes room and does not tell has the queue wait for this, and not for ever. One
            // that does tell may be doing so now, so it stays asked.
            tx.resume_or_refuse(queue, dev);
        }
        waited.is_some()
    }
}
