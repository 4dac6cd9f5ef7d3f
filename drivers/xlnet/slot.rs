// SPDX-License-Identifier: GPL-2.0

//! A slot: the transmit queue and the NAPI instance of xl0 that serve one peer.
//!
//! Each peer has its own, so that one that floods or never receives harms nobody else. Slots exist
//! as long as the device; peers come and go.

use crate::{manager::Kick, rx::Rx, stats::Counters, table::Table, tx::Tx};
use kapi::{
    net::{
        idle_poll::IdleThread,
        napi::{Context, Napi, Poll},
    },
    new_bh_lock,
    sync::{BhLock, RcuBox},
    xen::evtchn::EventChannel,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};
use xenfifo::Broken;

/// Transmit queues of the device. Queue 0 is nobody's: what is queued there takes the fallback.
pub(crate) const QUEUES: u16 = 32;

/// A slot in its place in the kernel's NAPI.
pub(crate) type NapiSlot = Napi<Slot>;

/// A channel's event channel, which schedules the slot's NAPI.
pub(crate) type Port = EventChannel<NapiSlot>;

#[pin_data]
pub(crate) struct Slot {
    pub(crate) queue: u16,
    pub(crate) table: Arc<RcuBox<Table>>,
    manager: Kick,
    /// Polls while its CPU is idle, if that is wanted.
    pub(crate) idle_thread: Option<Arc<IdleThread>>,
    #[pin]
    pub(crate) tx: BhLock<Option<Tx>>,
    #[pin]
    fault: BhLock<Option<Broken>>,
    pub(crate) counters: Counters,
    /// The peer's domain id, 0 if the slot is free. Changes with RTNL held.
    peer: Atomic<u32>,
    /// Whether the peer is connected, for ethtool.
    connected: Atomic<bool>,
}

/// Creates all slots; slot `i` has queue `i + 1`.
pub(crate) fn all(
    table: &Arc<RcuBox<Table>>,
    manager: &Kick,
    idle_thread: Option<&Arc<IdleThread>>,
) -> Result<KVec<Arc<NapiSlot>>> {
    let mut slots = KVec::with_capacity(QUEUES.into(), GFP_KERNEL)?;
    for queue in 1..QUEUES {
        let slot = Napi::new(pin_init!(Slot {
            queue,
            table: table.clone(),
            manager: manager.clone(),
            idle_thread: idle_thread.cloned(),
            tx <- new_bh_lock!(None),
            fault <- new_bh_lock!(None),
            counters: Counters::new(),
            peer: Atomic::new(0),
            connected: Atomic::new(false),
        }))?;
        slots.push(slot, GFP_KERNEL)?;
    }
    Ok(slots)
}

impl Slot {
    /// The peer, if the slot is taken.
    pub(crate) fn peer(&self) -> Option<u32> {
        Some(self.peer.load(Relaxed)).filter(|&peer| peer != 0)
    }

    /// Gives the slot to a peer, or takes it back with 0. RTNL held.
    pub(crate) fn set_peer(&self, peer: u16) {
        self.counters.reset();
        self.peer.store(peer.into(), Relaxed);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Relaxed)
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Relaxed);
    }

    /// The data path found that the peer lies. Softirq context.
    pub(crate) fn report_broken(&self, reason: Broken) {
        *self.fault.lock() = Some(reason);
        self.manager.kick();
    }

    /// What the data path found since the last call.
    pub(crate) fn take_fault(&self) -> Option<Broken> {
        self.fault.lock().take()
    }

    /// The peer's state word changed.
    pub(crate) fn report_state(&self) {
        self.manager.kick();
    }
}

impl Poll for Slot {
    type State = Rx;

    fn poll(&self, rx: &mut Rx, context: &mut Context<'_>, budget: u32) -> u32 {
        let room = self.wake(context.device());
        if budget == 0 {
            return 0;
        }
        rx.poll(self, context, budget, room)
    }
}
