// SPDX-License-Identifier: GPL-2.0

//! The manager: one worker that keeps advert, peers, table and routes in line with the NIC, with
//! what dom0 says and with what the data path finds. What there is of all that, and how it is done, is
//! in [`managed`](crate::control::managed); here is when.
//!
//! It is level-triggered: whoever sees a change marks what changed and kicks the manager, whose
//! pass then looks at the present state of things, so that no order of events matters.

use crate::control::{
    advert,
    managed::{Managed, State},
    peer::Peer,
    told::Told,
};
use kapi::{
    random::random_u64,
    time::now_ms,
    work::{Work, Worker},
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Release},
        Arc, Mutex,
    },
    time::{delay::fsleep, Delta},
};
use xlnet_protocol::{Event, Node};

/// How those who see a change tell the manager.
pub(crate) type Kick = Arc<Worker<Manager>>;

/// When to try again what could not be done, in milliseconds.
const RETRY_MS: u64 = 1000;
/// How often the NIC is looked at while the link is being asked for one of its addresses, in milliseconds.
const SETTLE_MS: u64 = 300;
/// How long all channels may take to close in order, which bound that themselves, and the advert to be
/// withdrawn, in milliseconds.
const CLOSE_MS: u64 = 2000;
/// How long unloading waits for peers to give pages back, in milliseconds.
const PAGES_MS: u64 = 2000;
/// How often it is looked meanwhile, in milliseconds.
const CLOSE_PACE_MS: i64 = 2;

#[pin_data]
pub(crate) struct Manager {
    #[pin]
    state: Mutex<Option<State>>,
    #[pin]
    told: Mutex<Told>,
    nic_changed: Atomic<bool>,
    neighbours_changed: Atomic<bool>,
}

impl Manager {
    /// A manager with nothing to manage yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(None),
            told <- new_mutex!(Told::new(true)),
            nic_changed: Atomic::new(true),
            neighbours_changed: Atomic::new(true),
        })
    }

    /// Gives the manager something to manage. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, XenStore's.
    pub(crate) fn start(&self, managed: Managed) -> Result {
        // What an earlier life of this domain left behind is nobody's.
        advert::remove()?;
        *self.state.lock() = Some(State::new(managed)?);
        Ok(())
    }

    /// The NIC, its addresses or xl0 may have changed. Any context.
    pub(crate) fn nic_changed(&self) {
        self.nic_changed.store(true, Release);
    }

    /// dom0 told something. Process context.
    pub(crate) fn told(&self, node: Node) {
        self.told.lock().note(node);
    }

    /// Neighbours of the NIC did. Returns whether the manager is to be told. Any context.
    pub(crate) fn neighbours_changed(&self) -> bool {
        !self.neighbours_changed.xchg(true, Full)
    }

    /// Closes everything, for good. The worker is stopped already. Process context, RTNL not held.
    pub(crate) fn shutdown(&self) {
        self.close();
        let Some(state) = (*self.state.lock()).take() else {
            return;
        };
        // What a peer has not given back by then is the kernel's to free, a few pages a second.
        let until = now_ms() + PAGES_MS;
        while state.is_owed_pages() && now_ms() < until {
            fsleep(Delta::from_millis(CLOSE_PACE_MS));
        }
    }

    /// Closes all channels, withdraws the advert and forgets the peers. A channel that is not closed in order
    /// by the deadline, because XenStore kept the guest waiting for longer, is closed on the spot. Process
    /// context, RTNL not held.
    pub(crate) fn close(&self) {
        let until = now_ms() + CLOSE_MS;
        loop {
            let mut guard = self.state.lock();
            let Some(state) = (*guard).as_mut() else {
                return;
            };
            state.closing = true;
            self.pass(state);
            let done = state.peers.iter().all(Peer::is_idle) && state.advertised.is_none();
            if done || now_ms() >= until {
                state.forget_all();
                // No channel keeps the advert any more. If XenStore refuses, it stays.
                let _ = state.update_advert();
                return;
            }
            drop(guard);
            fsleep(Delta::from_millis(CLOSE_PACE_MS));
        }
    }

    /// Begins anew after [`Self::close`], perhaps as another domain. Process context.
    pub(crate) fn reopen(&self) {
        if let Some(state) = (*self.state.lock()).as_mut() {
            // Without an answer nobody is told of us, and nobody answers.
            state.own = advert::own_domid().unwrap_or(state.own);
            // Another advert, even if the last one could not be withdrawn: another domain does not have it.
            state.instance = random_u64();
            state.closing = false;
            state.demand.forget_all();
        }
        self.told.lock().all = true;
        self.nic_changed();
    }

    /// Brings everything in line. Returns when to do so again, if nobody asks before.
    fn pass(&self, state: &mut State) -> Option<u64> {
        let mut retry = None;
        if state.stale {
            state.rebuild_table();
        }
        if self.nic_changed.xchg(false, Full) {
            state.look_at_nic();
        }
        let mut settles = None;
        if state.settling {
            self.nic_changed();
            settles = Some(now_ms() + SETTLE_MS);
        }
        state.go_up_or_down();
        if state.driver.settings().take_changed() {
            state.demand.forget_shortage();
            state.for_each(|peer, guest| peer.handle(Event::Renew, guest));
        }
        let told = core::mem::replace(&mut *self.told.lock(), Told::new(false));
        if state.hear(&told).is_err() {
            self.told.lock().all = true;
            retry = Some(now_ms() + RETRY_MS);
        }
        state.for_each(|peer, guest| peer.look(guest));
        if state.forget_idle() {
            // For who waits for a group there is one now.
            self.told.lock().all = true;
            retry = Some(now_ms() + 1);
        }
        let demand = state.look_at_demand(&self.neighbours_changed);
        // A dead peer keeps its pages until Xen has done with it, and nobody tells us then.
        if state.update_advert().is_err() || state.stale || state.is_owed_pages() {
            retry = Some(now_ms() + RETRY_MS);
        }
        if state.demand.listen() {
            state.router.kick();
        }
        let report = state.report_traffic();
        let now = now_ms();
        let next = state.peers.iter().filter_map(|peer| peer.next(now)).min();
        let due = [next, retry, report, demand, settles];
        due.into_iter().flatten().min()
    }
}

impl Work for Manager {
    fn run(&self, worker: &Worker<Self>) {
        let mut guard = self.state.lock();
        let Some(state) = (*guard).as_mut() else {
            return;
        };
        if let Some(at) = self.pass(state) {
            worker.again_in(at.saturating_sub(now_ms()).max(1));
        }
    }
}
