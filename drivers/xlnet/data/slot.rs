// SPDX-License-Identifier: GPL-2.0

//! A slot: the transmit queue and the NAPI instance of xl0 that serve one queue pair of a peer's
//! channel.
//!
//! Each peer has its own, so that one that floods or never receives harms nobody else. Slots exist
//! as long as the device; peers and channels come and go.

use crate::data::{bell::Bell, rx::Rx, stats::Counters, table::Table, tx::Tx};
use kapi::{
    net::{
        idle_poll::IdleThread,
        napi::{Context, Napi, Poll},
    },
    new_bh_lock,
    sync::{BhLock, RcuBox},
    xen::evtchn::EventChannel,
};
use kernel::{prelude::*, sync::Arc};
use xenfifo::Broken;
use xlnet_protocol::SchemaError;

/// A slot in its place in the kernel's NAPI.
pub(crate) type NapiSlot = Napi<Slot>;

/// What the data path finds that ends a channel.
pub(crate) enum Fault {
    /// The peer lies.
    Broken(Broken),
    /// The peer says in shared memory what cannot be.
    Malformed(SchemaError),
    /// The peer leaves what is sent to it.
    Stalled,
}

/// A channel's event channel, which schedules the slot's NAPI.
pub(crate) type Port = EventChannel<NapiSlot>;

#[pin_data]
pub(crate) struct Slot {
    pub(crate) queue: u16,
    /// The number of the [group](crate::data::group) that the slot belongs to.
    pub(crate) group: u16,
    pub(crate) table: Arc<RcuBox<Table>>,
    bell: Bell,
    /// Polls while its CPU is idle, if that is wanted.
    pub(crate) idle_thread: Option<Arc<IdleThread>>,
    #[pin]
    pub(crate) tx: BhLock<Option<Tx>>,
    #[pin]
    fault: BhLock<Option<Fault>>,
    pub(crate) counters: Counters,
}

impl Slot {
    /// Creates a slot. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        queue: u16,
        group: u16,
        table: &Arc<RcuBox<Table>>,
        bell: &Bell,
        idle_thread: Option<&Arc<IdleThread>>,
    ) -> Result<Arc<NapiSlot>> {
        Napi::new(pin_init!(Slot {
            queue,
            group,
            table: table.clone(),
            bell: bell.clone(),
            idle_thread: idle_thread.cloned(),
            tx <- new_bh_lock!(None),
            fault <- new_bh_lock!(None),
            counters: Counters::new(),
        }))
    }

    /// Says what ends the channel. Any context but a hard interrupt's.
    pub(crate) fn report(&self, fault: Fault) {
        *self.fault.lock() = Some(fault);
        self.bell.heard();
    }

    /// What the data path found since the last call.
    pub(crate) fn take_fault(&self) -> Option<Fault> {
        self.fault.lock().take()
    }

    /// The peer's state word changed.
    pub(crate) fn report_state(&self) {
        self.bell.heard();
    }

    /// What the peer says of the packets that it takes changed.
    pub(crate) fn report_acceptance(&self) {
        self.bell.acceptance_changed();
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
