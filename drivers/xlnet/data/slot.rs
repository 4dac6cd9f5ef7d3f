// SPDX-License-Identifier: GPL-2.0

//! A slot: the transmit queue and the NAPI instance of xl0 that serve one queue pair of a peer's
//! channel.
//!
//! Each peer has its own, so that one that floods or never receives harms nobody else. Slots exist
//! as long as the device; peers and channels come and go.

use crate::data::{queue::Queue, rx::Rx, tx::Sender};
use kapi::{
    net::{
        idle_poll::IdleThreads,
        napi::{Context, Napi, Poll, Polled},
    },
    xen::events::EventChannel,
};
use kernel::{prelude::*, sync::Arc};

/// A slot in its place in the kernel's NAPI.
pub(crate) type NapiSlot = Napi<Slot>;

/// A channel's event channel, which schedules the slot's NAPI.
pub(crate) type Port = EventChannel<NapiSlot>;

#[pin_data]
pub(crate) struct Slot {
    #[pin]
    pub(crate) queue: Queue,
    #[pin]
    pub(crate) sender: Sender<NapiSlot>,
    /// Poll while their CPUs are idle, if that is wanted.
    pub(crate) idle_threads: Option<Arc<IdleThreads>>,
}

impl Slot {
    /// Creates a slot. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        queue: impl PinInit<Queue>,
        idle_threads: Option<&Arc<IdleThreads>>,
    ) -> Result<Arc<NapiSlot>> {
        Napi::new(pin_init!(Slot {
            queue <- queue,
            sender <- Sender::new(),
            idle_threads: idle_threads.cloned(),
        }))
    }
}

impl Poll for Slot {
    // Boxed, as most slots have none.
    type State = KBox<Rx<Slot>>;

    fn poll(&self, rx: &mut KBox<Rx<Slot>>, context: &mut Context<'_>, budget: u32) -> Polled {
        let room = self.sender.wake(&self.queue, context.device());
        if budget == 0 {
            return Polled::More;
        }
        rx.poll(&self.queue, &self.sender, context, budget, room)
    }
}
