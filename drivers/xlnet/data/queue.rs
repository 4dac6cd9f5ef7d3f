// SPDX-License-Identifier: GPL-2.0

//! What sending and receiving through one queue pair share: the number of xl0's queue, where packets may come from,
//! figures, and how what is found gets out.

use crate::data::{bell::Bell, stats::Counters, table::Table, uplink::Uplink};
use kapi::{
    new_bh_lock,
    sync::{BhLock, RcuBox},
};
use kernel::{prelude::*, sync::Arc};
use xenfifo::Broken;
use xlnet_protocol::SchemaError;

/// What the data path finds that ends a channel.
pub(crate) enum Fault {
    /// The peer lies.
    Broken(Broken),
    /// The peer says in shared memory what cannot be.
    Malformed(SchemaError),
    /// The peer leaves what is sent to it.
    Stalled,
}

#[pin_data]
pub(crate) struct Queue {
    pub(crate) number: u16,
    /// The number of the [group](crate::data::group) that the queue belongs to.
    pub(crate) group: u16,
    pub(crate) table: Arc<RcuBox<Table>>,
    pub(crate) uplink: Arc<Uplink>,
    bell: Bell,
    #[pin]
    fault: BhLock<Option<Fault>>,
    pub(crate) counters: Counters,
}

impl Queue {
    pub(crate) fn new(
        number: u16,
        group: u16,
        table: Arc<RcuBox<Table>>,
        uplink: Arc<Uplink>,
        bell: Bell,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            number,
            group,
            table,
            uplink,
            bell,
            fault <- new_bh_lock!(None),
            counters: Counters::new(),
        })
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
