// SPDX-License-Identifier: GPL-2.0

//! Routes that were withdrawn, until nobody is about to send along them any more.
//!
//! What is sent along one of them reaches xl0, which has no open channel for it, and leaves through
//! the [way out](crate::data::way_out). Without this the kernel would discard it.

use kapi::{
    net::fib::{self, Hold},
    work::{Work, Worker},
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{ArcBorrow, Mutex},
};

#[pin_data]
pub(crate) struct Retired {
    #[pin]
    holds: Mutex<KVec<Hold>>,
}

impl Retired {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            holds <- new_mutex!(KVec::new()),
        })
    }

    /// Takes a withdrawn route. Process context.
    pub(crate) fn keep(worker: &Worker<Self>, hold: Hold) {
        // Without memory it ends as other routes do.
        let _ = worker.get().holds.lock().push(hold, GFP_KERNEL);
        worker.kick();
    }

    /// Lets all of them go, as soon as nobody sends along them. Process context.
    pub(crate) fn flush(&self) {
        let holds = core::mem::replace(&mut *self.holds.lock(), KVec::new());
        if !holds.is_empty() {
            fib::wait_for_senders();
        }
    }
}

impl Work for Retired {
    fn run(&self, _worker: ArcBorrow<'_, Worker<Self>>) {
        self.flush();
    }
}
