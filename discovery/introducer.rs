// SPDX-License-Identifier: GPL-2.0

//! The introducer: one worker that brings what the guests are told in line with what they wrote
//! and with the bridges. Level-triggered: each pass looks at the present state of what changed.

use crate::{guest::Guest, pace::PACE_MS, vifs};
use kapi::{
    net::nic,
    work::{Work, Worker},
    xen::xenstore::{self, WatchHandler},
    Show,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Release},
        Arc, ArcBorrow, Mutex,
    },
};
use xlnet_protocol::{
    roster::{self, Policy, Warning},
    DomId,
};

/// How those who see a change tell the introducer.
pub(crate) type Kick = Arc<Worker<Introducer>>;

/// When to try again what XenStore refused, in milliseconds.
const RETRY_MS: u64 = 1000;

/// So many warnings about one guest are logged in its life, however often it changes its advert.
const MAX_WARNINGS: usize = 8;

#[pin_data]
pub(crate) struct Introducer {
    #[pin]
    state: Mutex<State>,
    /// Whether the module is loaded completely: before that a failure to load would leave guests
    /// behind that nobody takes back.
    started: Atomic<bool>,
    domains_changed: Atomic<bool>,
    vifs_changed: Atomic<bool>,
    /// The log says that something has to wait; it says so once until all is done.
    complained: Atomic<bool>,
}

struct State {
    /// The bridges behind which guests may meet, `None` for all.
    allowed: Option<KVec<&'static str>>,
    guests: KVec<Guest>,
    warned: KVec<Warning>,
}

impl Introducer {
    /// An introducer for the guests behind the bridges named in `allowed`, or all.
    pub(crate) fn new(allowed: Option<KVec<&'static str>>) -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(State {
                allowed,
                guests: KVec::new(),
                warned: KVec::new(),
            }),
            started: Atomic::new(false),
            domains_changed: Atomic::new(true),
            vifs_changed: Atomic::new(true),
            complained: Atomic::new(false),
        })
    }

    /// Lets the worker begin.
    pub(crate) fn start(&self) {
        self.started.store(true, Release);
    }

    /// Takes back all that the guests were told. The worker is stopped already. Process context.
    pub(crate) fn withdraw_all(&self) {
        let mut state = self.state.lock();
        for guest in &mut state.guests {
            guest.begin();
            // Without XenStore they learn it when they look at shared memory.
            let _ = guest.forget_others();
        }
        // The guests' watches hold the worker that holds them.
        state.guests.clear();
    }

    /// Brings everything in line. Returns whether some of it has to wait.
    fn pass(&self, worker: &Kick) -> Result<bool> {
        let mut state = self.state.lock();
        if self.domains_changed.xchg(false, Full) {
            state.read_domains(worker).inspect_err(|_| {
                self.domains_changed.store(true, Release);
            })?;
            // A new guest's vifs may have been there before it was.
            self.vifs_changed.store(true, Release);
        }
        if self.vifs_changed.xchg(false, Full) {
            state.each(Guest::read_vifs).inspect_err(|_| {
                self.vifs_changed.store(true, Release);
            })?;
        }
        // What fails for one guest is no reason to leave the others without.
        let read = state.each(Guest::read_advert);
        let introduced = state.introduce();
        read.and(introduced).and(state.relay())?;
        Ok(state.guests.iter().any(Guest::is_held_up))
    }
}

impl Work for Introducer {
    fn run(&self, worker: ArcBorrow<'_, Worker<Self>>) {
        if !self.started.load(Acquire) {
            return;
        }
        let result = self.pass(&worker.into());
        match result {
            Ok(false) => {}
            Ok(true) => worker.again_in(PACE_MS),
            Err(_) => worker.again_in(RETRY_MS),
        }
        let before = self.complained.xchg(result.is_err(), Full);
        if let (Err(error), false) = (result, before) {
            pr_warn!("not all guests can be told of their peers now ({error:?})\n");
        }
    }
}

impl State {
    /// Does something for every guest, and returns the first error.
    fn each(&mut self, mut each: impl FnMut(&mut Guest) -> Result) -> Result {
        let mut result = Ok(());
        for guest in &mut self.guests {
            result = result.and(each(guest));
        }
        result
    }

    /// Begins to watch new guests and forgets those that are gone.
    fn read_domains(&mut self, worker: &Kick) -> Result {
        let mut domids = KVec::new();
        if let Some(names) = xenstore::directory(fmt!("/local/domain"))? {
            for name in names.iter() {
                // 0 is dom0, which is no guest and no `DomId`.
                if let Ok(domid) = DomId::parse(name) {
                    domids.push(domid, GFP_KERNEL)?;
                }
            }
        }
        self.guests.retain(|guest| domids.contains(&guest.domid()));
        self.warned
            .retain(|warning| domids.contains(&warning.guest()));
        for domid in domids {
            if self.guests.iter().all(|guest| guest.domid() != domid) {
                self.guests.push(Guest::new(domid, worker)?, GFP_KERNEL)?;
            }
        }
        Ok(())
    }

    /// Tells each guest of the peers it may meet, and of no others.
    fn introduce(&mut self) -> Result {
        let mut roster = KVec::with_capacity(self.guests.len(), GFP_KERNEL)?;
        for guest in &self.guests {
            let entry = roster::Guest::new(guest.domid(), guest.advert, guest.vifs);
            roster.push(entry, GFP_KERNEL)?;
        }
        let bridges = self.allowed.as_deref().map(vifs::indexes).transpose()?;
        let policy = Policy {
            bridges: bridges.as_deref(),
        };
        let warned = &mut self.warned;
        roster::evaluate(&mut roster, &policy, &mut |warning| warn(warned, warning));

        let mut result = Ok(());
        for i in 0..self.guests.len() {
            let Some(guest) = self.guests.get_mut(i) else {
                break;
            };
            let domid = guest.domid();
            guest.begin();
            for (j, entry) in roster::peers(&roster, i) {
                let (Some(guest), Some(peer)) = (self.guests.get_mut(i), roster.get(j)) else {
                    continue;
                };
                match guest.tell(peer.domid(), &entry) {
                    Ok(true) => {
                        if let Some(peer) = self.guests.get_mut(j) {
                            peer.relay_again(domid);
                        }
                    }
                    Ok(false) => {}
                    Err(error) => result = result.and(Err(error)),
                }
            }
            if let Some(guest) = self.guests.get_mut(i) {
                result = result.and(guest.forget_others());
            }
        }
        result
    }

    fn guest(&mut self, domid: DomId) -> Option<&mut Guest> {
        self.guests.iter_mut().find(|guest| guest.domid() == domid)
    }

    /// Relays every offer that may have changed.
    fn relay(&mut self) -> Result {
        let mut result = Ok(());
        for i in 0..self.guests.len() {
            let Some(from) = self.guests.get_mut(i) else {
                break;
            };
            let (domid, changed) = (from.domid(), from.take_offers());
            match changed {
                Ok(peers) => {
                    for to in peers {
                        result = result.and(self.relay_offer(domid, to));
                    }
                }
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }

    /// Relays the offer of one guest to another.
    fn relay_offer(&mut self, from: DomId, to: DomId) -> Result {
        let Some(guest) = self.guest(from) else {
            return Ok(());
        };
        let offer = guest.read_offer(to);
        let relayed = match (offer, self.guest(to)) {
            (Ok(offer), Some(guest)) => guest.relay(from, offer),
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error),
        };
        if let (true, Some(guest)) = (relayed.is_err(), self.guest(from)) {
            guest.relay_again(to);
        }
        relayed
    }
}

/// Logs a warning, once.
fn warn(warned: &mut KVec<Warning>, warning: Warning) {
    let about = warned.iter().filter(|w| w.guest() == warning.guest());
    if warned.contains(&warning) || about.count() >= MAX_WARNINGS {
        return;
    }
    if warned.push(warning, GFP_KERNEL).is_ok() {
        pr_warn!("{}\n", Show(warning));
    }
}

/// Tells the introducer that guests came or went.
pub(crate) struct DomainWatch {
    introducer: Kick,
}

impl DomainWatch {
    pub(crate) fn new(introducer: &Kick) -> Self {
        Self {
            introducer: introducer.clone(),
        }
    }
}

impl WatchHandler for DomainWatch {
    fn changed(&self, _path: &str) {
        self.introducer.get().domains_changed.store(true, Release);
        self.introducer.kick();
    }
}

/// Tells the introducer that the toolstack changed a vif, or that a device changed, which may be a
/// vif that was moved to another bridge.
pub(crate) struct VifObserver {
    introducer: Kick,
}

impl VifObserver {
    pub(crate) fn new(introducer: &Kick) -> Self {
        Self {
            introducer: introducer.clone(),
        }
    }

    fn vifs_changed(&self) {
        self.introducer.get().vifs_changed.store(true, Release);
        self.introducer.kick();
    }
}

impl WatchHandler for VifObserver {
    fn changed(&self, _path: &str) {
        self.vifs_changed();
    }
}

impl nic::Observer for VifObserver {
    fn changed(&self, _change: &nic::Change<'_>) {
        self.vifs_changed();
    }
}
