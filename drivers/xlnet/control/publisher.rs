// SPDX-License-Identifier: GPL-2.0

//! The publisher: writes what dom0 is told time and again while this guest advertises itself, which is to whom it
//! wants channels, and what it exchanged with its peers.
//!
//! It has a worker of its own, because the manager would wait for XenStore otherwise, and could not close channels
//! meanwhile.

use crate::control::advert;
use kapi::work::{Work, Worker};
use kernel::{new_mutex, prelude::*, sync::Mutex};
use xlnet_protocol::{DomId, Traffic, Wish};

/// When to try again what XenStore refused, in milliseconds.
const RETRY_MS: u64 = 1000;

#[pin_data]
pub(crate) struct Publisher {
    /// What is to be written. `None` while this guest does not advertise itself.
    #[pin]
    due: Mutex<Option<Due>>,
    /// What dom0 can read. XenStore is waited for under this lock.
    #[pin]
    written: Mutex<Written>,
}

#[derive(Default)]
struct Due {
    wish: Option<Wish>,
    /// At most one of each peer.
    totals: KVec<Total>,
}

#[derive(Default)]
struct Written {
    totals: KVec<Total>,
    /// XenStore refused the wish; logged once until it works again.
    refused: bool,
}

/// What was exchanged with a peer since the two met; there is no node while that is nothing.
struct Total {
    peer: DomId,
    traffic: Traffic,
}

impl Publisher {
    /// A publisher that is not to write anything yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            due <- new_mutex!(None),
            written <- new_mutex!(Written::default()),
        })
    }

    /// The advert is written. Process context.
    pub(crate) fn begin(&self) {
        (*self.due.lock()).get_or_insert_default();
    }

    /// The advert is about to be removed, and with it all that was written. When this returns, nothing more is.
    /// Process context; waits for XenStore if something is being written.
    pub(crate) fn end(&self) {
        *self.due.lock() = None;
        *self.written.lock() = Written::default();
    }

    /// Has a wish written: soon, or at once as long as there is no advert, which is to find it there. Kick the
    /// worker then. Process context.
    ///
    /// # Errors
    ///
    /// XenStore's, if it is written at once.
    pub(crate) fn say(&self, wish: &Wish) -> Result {
        if let Some(due) = (*self.due.lock()).as_mut() {
            due.wish = Some(*wish);
            return Ok(());
        }
        advert::write_wish(wish)
    }

    /// Has what was exchanged with a peer written, or removed if that is nothing; for nought if there is no memory
    /// to remember it, or no advert. Kick the worker then. Process context.
    pub(crate) fn exchanged(&self, peer: DomId, traffic: Traffic) {
        let mut guard = self.due.lock();
        let Some(due) = (*guard).as_mut() else {
            return;
        };
        // Those that wait longest stay the first.
        match due.totals.iter_mut().find(|total| total.peer == peer) {
            Some(total) => total.traffic = traffic,
            None => {
                // The next report has it all, and what stays behind goes with the advert.
                let _ = due.totals.push(Total { peer, traffic }, GFP_KERNEL);
            }
        }
    }

    /// Writes the wish, if one is due.
    ///
    /// # Errors
    ///
    /// XenStore's; it is due again then.
    fn write_wish(&self, written: &mut Written) -> Result {
        let due = (*self.due.lock()).as_mut().and_then(|due| due.wish.take());
        let Some(wish) = due else {
            return Ok(());
        };
        let result = advert::write_wish(&wish);
        let refused = core::mem::replace(&mut written.refused, result.is_err());
        if let Err(error) = result {
            if !refused {
                pr_warn!(
                    "XenStore refuses the wish ({error:?}); no further channels are asked for\n"
                );
            }
            if let Some(due) = (*self.due.lock()).as_mut() {
                // Unless there is a newer one.
                due.wish.get_or_insert(wish);
            }
        }
        result
    }

    /// The first total that is news.
    fn next_total(&self, written: &Written) -> Option<Total> {
        let mut guard = self.due.lock();
        let totals = &mut (*guard).as_mut()?.totals;
        while let Ok(total) = totals.remove(0) {
            if total.traffic != written.of(total.peer) {
                return Some(total);
            }
        }
        None
    }

    /// Writes one total, if one is due. Returns whether one was.
    fn write_total(&self, written: &mut Written) -> bool {
        let Some(total) = self.next_total(written) else {
            return false;
        };
        let gone = total.traffic == Traffic::default();
        let result = if gone {
            advert::remove_traffic(total.peer)
        } else {
            advert::write_traffic(total.peer, total.traffic)
        };
        // What XenStore refuses is due again with the next report, or stays behind.
        if result.is_ok() {
            written.totals.retain(|before| before.peer != total.peer);
            if !gone {
                // Without memory it is written once more.
                let _ = written.totals.push(total, GFP_KERNEL);
            }
        }
        true
    }
}

impl Written {
    /// What was exchanged with the peer.
    fn of(&self, peer: DomId) -> Traffic {
        let total = self.totals.iter().find(|total| total.peer == peer);
        total.map_or(Traffic::default(), |total| total.traffic)
    }
}

impl Work for Publisher {
    /// One write of each kind a run: who ends the publisher waits for no more.
    fn run(&self, worker: &Worker<Self>) {
        // What is due is looked at with this lock held, so it is not written when it is not due any more.
        let mut written = self.written.lock();
        let wish = self.write_wish(&mut written);
        if self.write_total(&mut written) {
            worker.kick();
        } else if wish.is_err() {
            worker.again_in(RETRY_MS);
        }
    }
}
