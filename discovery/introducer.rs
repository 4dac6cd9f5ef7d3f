// SPDX-License-Identifier: GPL-2.0

//! The introducer: one worker that brings what the guests are told in line with what they wrote
//! and with what dom0 enforces. Level-triggered: each pass looks at the present state of what changed.
//!
//! What dom0's kernel enforces is looked at first in each pass, and a pass is never long: what guests
//! change is read for a limited time, and the rest of it in the next pass.

use crate::{
    bell::Bell,
    clearance::Clearance,
    guest::Guest,
    inquiry,
    marks::Marks,
    pace::PACE_MS,
    parted::{Found, Parted},
    policy::{Bridges, Policy},
    settled::Settled,
    vifs::Survey,
};
use kapi::{
    time::now_ms,
    work::{Work, Worker},
    xen::xenbus,
    Show,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Release},
        Arc, Mutex,
    },
};
use xlnet_protocol::{
    roster::{self, Apart, Claim, Warning},
    sort_by_key, DomId,
};

/// How those who see a change tell the introducer.
pub(crate) type Kick = Arc<Worker<Introducer>>;

/// How often dom0's kernel is looked at, in milliseconds: it does not tell of all that matters. Channels
/// that are to end do so within a second.
const LOOK_MS: u64 = 250;

/// For so long one pass reads what guests changed, in milliseconds.
const READ_MS: u64 = 100;

/// So many warnings about one guest, or about two, are logged in their lives, however often they change their
/// adverts.
const MAX_WARNINGS: usize = 8;

#[pin_data]
pub(crate) struct Introducer {
    #[pin]
    state: Mutex<State>,
    pub(crate) policy_changed: Atomic<bool>,
    pub(crate) clearance_changed: Atomic<bool>,
    pub(crate) domains_changed: Atomic<bool>,
    /// The administrator asks something.
    pub(crate) asked: Atomic<bool>,
    /// The toolstack may have changed any guest's vifs.
    pub(crate) all_vifs_changed: Atomic<bool>,
    /// It has changed those of these guests.
    #[pin]
    pub(crate) vifs_changed: Mutex<Marks>,
}

struct State {
    /// What guests' watches ring for the introducer, once the module is loaded completely: before that a failure
    /// to load would leave guests behind that nobody takes back.
    bell: Option<Bell>,
    policy: Policy,
    clearance: Clearance,
    guests: KVVec<Guest>,
    /// Those whose vifs are to be read again.
    vifs_changed: Marks,
    /// What dom0's kernel had and did when it was last looked at.
    survey: Option<Survey>,
    /// Something changed since the guests' places were last worked out.
    stale: bool,
    /// What they ask for did since they were last introduced, or some could not be.
    unsettled: bool,
    settled: Settled,
    bridges: Bridges,
    /// Whose advert was last looked at.
    next: usize,
    warned: KVec<Warning>,
    parted: Parted,
    /// The log says that something has to wait; it says so once until all is done.
    complained: bool,
}

/// What is left to do after a pass.
enum Left {
    Nothing,
    /// Changes of guests that are too many.
    HeldUp,
    /// Changes that there was no time for.
    More,
}

impl Introducer {
    /// An introducer that knows of nobody yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(State {
                bell: None,
                policy: Policy::closed(),
                clearance: Clearance::none(),
                guests: KVVec::new(),
                vifs_changed: Marks::All,
                survey: None,
                stale: true,
                unsettled: true,
                settled: Settled::empty(),
                bridges: Bridges::default(),
                next: 0,
                warned: KVec::new(),
                parted: Parted::new(),
                complained: false,
            }),
            policy_changed: Atomic::new(true),
            clearance_changed: Atomic::new(true),
            domains_changed: Atomic::new(true),
            asked: Atomic::new(false),
            all_vifs_changed: Atomic::new(true),
            vifs_changed <- new_mutex!(Marks::none()),
        })
    }

    /// Lets the worker begin, which hears `bell`. Process context.
    pub(crate) fn start(&self, bell: Bell) {
        let mut state = self.state.lock();
        // What an earlier life of the module left.
        state.parted.withdraw();
        state.bell = Some(bell);
    }

    /// Takes back all that the guests were told. The worker is stopped already. Process context.
    pub(crate) fn withdraw_all(&self) {
        let mut state = self.state.lock();
        for guest in &mut state.guests {
            // Without XenStore they learn it when they look at shared memory.
            let _ = guest.told.withdraw();
        }
        state.parted.withdraw();
        inquiry::withdraw();
        // The guests' watches hold the worker that holds them, and it holds itself.
        let guests = core::mem::take(&mut state.guests);
        state.bell = None;
        // Who waits for watches to end may be frozen, and not with a lock.
        drop(state);
        drop(guests);
    }

    /// Brings everything in line.
    fn pass(&self, state: &mut State, bell: &Bell) -> Result<Left> {
        // dom0's say first: it is not to wait for anything that guests do.
        let policy = if_set(&self.policy_changed, || state.read_policy());
        let cleared = if_set(&self.clearance_changed, || state.clearance.read());
        let looked = state.look().and_then(|()| state.introduce());
        let domains = if_set(&self.domains_changed, || state.read_domains(bell));
        let vifs = self.read_vifs(state);
        // What fails for one guest is no reason to leave the others without.
        let (read, in_time) = state.read_claims();
        let introduced = state.introduce();
        let relayed = state.relay();
        let answered = if_set(&self.asked, || inquiry::answer(&state.settled));
        policy
            .and(cleared)
            .and(looked)
            .and(domains)
            .and(vifs)
            .and(read)
            .and(introduced)
            .and(relayed)
            .and(answered)?;
        Ok(if !in_time {
            Left::More
        } else if state.guests.iter().any(Guest::is_held_up) {
            Left::HeldUp
        } else {
            Left::Nothing
        })
    }

    fn read_vifs(&self, state: &mut State) -> Result {
        match self.vifs_changed.lock().take() {
            Marks::Of(guests) => {
                for guest in &guests {
                    state.vifs_changed.add(*guest);
                }
            }
            Marks::All => state.vifs_changed = Marks::All,
        }
        if self.all_vifs_changed.xchg(false, Full) {
            state.vifs_changed = Marks::All;
        }
        state.read_vifs()
    }
}

impl Work for Introducer {
    fn run(&self, worker: &Worker<Self>) {
        let mut state = self.state.lock();
        let Some(bell) = state.bell.clone() else {
            return;
        };
        let result = self.pass(&mut state, &bell);
        match result {
            Ok(Left::More) => worker.kick(),
            Ok(Left::HeldUp) => worker.again_in(PACE_MS),
            Ok(Left::Nothing) | Err(_) => worker.again_in(LOOK_MS),
        }
        let before = core::mem::replace(&mut state.complained, result.is_err());
        if let (Err(error), false) = (result, before) {
            pr_warn!("not all guests can be told of their peers now ({error:?})\n");
        }
    }
}

/// Does what a flag asks for. What fails is asked for again.
fn if_set(flag: &Atomic<bool>, work: impl FnOnce() -> Result) -> Result {
    if !flag.xchg(false, Full) {
        return Ok(());
    }
    work().inspect_err(|_| flag.store(true, Release))
}

impl State {
    /// Reads the policy. One that is not understood changes nothing.
    fn read_policy(&mut self) -> Result {
        match Policy::read() {
            Ok(policy) => {
                self.policy = policy;
                self.stale = true;
                self.guests.iter_mut().try_for_each(Guest::read_name)
            }
            Err(EINVAL) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Begins to watch new guests and forgets those that are gone.
    fn read_domains(&mut self, bell: &Bell) -> Result {
        let mut domids = KVec::new();
        if let Some(names) = xenbus::directory(fmt!("/local/domain"))? {
            for name in names.iter() {
                // 0 is dom0, which is no guest and no `DomId`.
                if let Ok(domid) = DomId::parse(name) {
                    domids.push(domid, GFP_KERNEL)?;
                }
            }
        }
        self.guests.retain(|guest| domids.contains(&guest.domid()));
        self.warned
            .retain(|warning| warning.guests().iter().all(|guest| domids.contains(guest)));
        self.stale = true;
        let mut result = Ok(());
        for domid in domids {
            // They are not in order meanwhile.
            if self.guests.iter().all(|guest| guest.domid() != domid) {
                result = result.and(self.add(domid, bell));
            }
        }
        sort_by_key(&mut self.guests, Guest::domid);
        result
    }

    fn add(&mut self, domid: DomId, bell: &Bell) -> Result {
        self.guests.push(Guest::new(domid, bell)?, GFP_KERNEL)?;
        // Its vifs may have been there before it was.
        self.vifs_changed.add(domid);
        Ok(())
    }

    /// Looks at what dom0's kernel enforces.
    fn look(&mut self) -> Result {
        let survey = Survey::take(self.clearance.holds())?;
        let bridges = self.policy.bridges()?;
        let same = |before: &Survey| survey.is_same(before);
        if !self.survey.as_ref().is_some_and(same) || bridges != self.bridges {
            self.survey = Some(survey);
            self.bridges = bridges;
            self.stale = true;
        }
        Ok(())
    }

    /// Reads the vifs that the toolstack changed.
    fn read_vifs(&mut self) -> Result {
        let mut result = Ok(());
        let changed = self.vifs_changed.take();
        for guest in &mut self.guests {
            if changed.contains(guest.domid()) {
                self.stale = true;
                result = result.and(guest.read_vifs().inspect_err(|_| {
                    self.vifs_changed.add(guest.domid());
                }));
            }
        }
        result
    }

    /// Reads the adverts and wishes that changed, and returns whether there was time for all of them.
    fn read_claims(&mut self) -> (Result, bool) {
        let until = now_ms() + READ_MS;
        let mut result = Ok(());
        let count = self.guests.len();
        for _ in 0..count {
            self.next = (self.next + 1) % count;
            let Some(guest) = self.guests.get_mut(self.next) else {
                break;
            };
            match guest.read_advert() {
                Ok(read) => self.stale |= read,
                Err(error) => result = result.and(Err(error)),
            }
            match guest.read_wish() {
                Ok(changed) => self.unsettled |= changed,
                Err(error) => result = result.and(Err(error)),
            }
            if now_ms() > until {
                return (result, false);
            }
        }
        (result, true)
    }

    /// What the guests claim.
    // Inlined, its lists would lie on the stack with those of what is called after it; so for the others.
    #[inline(never)]
    fn claimants(&self) -> Result<KVVec<roster::Guest>> {
        let mut claimants = KVVec::with_capacity(self.guests.len(), GFP_KERNEL)?;
        for guest in &self.guests {
            let entry = roster::Guest::new(guest.domid(), guest.advert, guest.policy(&self.policy));
            claimants.push(entry, GFP_KERNEL)?;
        }
        Ok(claimants)
    }

    /// Their vifs.
    #[inline(never)]
    fn vifs(&self) -> Result<KVVec<roster::Vif>> {
        let mut vifs = KVVec::new();
        for guest in &self.guests {
            for vif in self.survey.iter().flat_map(|survey| guest.vifs(survey)) {
                vifs.push(vif, GFP_KERNEL)?;
            }
        }
        Ok(vifs)
    }

    /// The guests' places, worked out anew.
    #[inline(never)]
    fn roster(&mut self) -> Result<KVVec<roster::Guest>> {
        let (mut roster, mut vifs) = (self.claimants()?, self.vifs()?);
        let mut claims = KVVec::from_elem(Claim::NONE, roster::claims(&roster), GFP_KERNEL)?;
        let policy = self.policy.roster(&self.bridges);
        let warned = &mut self.warned;
        let mut report = |warning| warn(warned, warning);
        roster::evaluate(&mut roster, &mut vifs, &mut claims, &policy, &mut report);
        Ok(roster)
    }

    /// Brings whom the guests are told of in line: those they may meet and talk to, and no others.
    fn introduce(&mut self) -> Result {
        let dry_run = self.policy.dry_run;
        if self.stale {
            self.settled = Settled::new(self.roster()?)?;
            self.parted.say_dry_run(self.settled.roster(), dry_run);
            (self.stale, self.unsettled) = (false, true);
        }
        if !self.unsettled {
            return Ok(());
        }
        self.settle()?;
        // What may not be any more ends before anything begins.
        let mut result = Ok(());
        let settled = &self.settled;
        for guest in &mut self.guests {
            let domid = guest.domid();
            let Some(entry) = settled.guest(domid) else {
                continue;
            };
            let keep = |peer| {
                let keep = !dry_run && settled.are_introduced(domid, peer);
                if !keep {
                    log_move(settled, entry, peer);
                }
                keep
            };
            result = result
                .and(guest.told.keep(keep))
                .and(guest.follow_version())
                .and(guest.say_why(entry.reasons(), entry.vouched().is_some()));
        }
        for i in 0..self.guests.len() {
            if !dry_run {
                result = result.and(self.tell(i));
            }
        }
        self.unsettled = result.is_err();
        result
    }

    /// Decides who is introduced.
    fn settle(&mut self) -> Result {
        let (guests, mut found) = (&self.guests, Found::none());
        let wish = |domid| {
            let at = guests.binary_search_by_key(&domid, Guest::domid);
            guests.get(at.ok()?)?.wish.as_ref()
        };
        self.settled
            .settle(wish, |a, b, apart| found.add(a, b, apart))?;
        self.parted.say(found, &self.settled);
        Ok(())
    }

    /// Tells a guest of its peers.
    // Inlined, its lists would lie on the stack with those of what is called after it.
    #[inline(never)]
    fn tell(&mut self, i: usize) -> Result {
        let Some(guest) = self.guests.get_mut(i) else {
            return Ok(());
        };
        let domid = guest.domid();
        for peer in &guest.told.tell(self.settled.entries(domid))? {
            if let Some(peer) = self.guest(*peer) {
                peer.relay_again(domid);
            }
        }
        Ok(())
    }

    fn guest(&mut self, domid: DomId) -> Option<&mut Guest> {
        let found = self
            .guests
            .binary_search_by_key(&domid, |guest| guest.domid());
        self.guests.get_mut(found.ok()?)
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
                        result = result.and(self.read_offer(domid, to));
                    }
                }
                Err(error) => result = result.and(Err(error)),
            }
        }
        for guest in &mut self.guests {
            result = result.and(guest.told.relay_due());
        }
        result
    }

    /// Reads the offer of one guest to another, which is to be relayed.
    fn read_offer(&mut self, from: DomId, to: DomId) -> Result {
        let Some(guest) = self.guest(from) else {
            return Ok(());
        };
        let offer = guest
            .read_offer(to)
            .inspect_err(|_| guest.relay_again(to))?;
        if let Some(guest) = self.guest(to) {
            guest.told.relay(from, offer);
        }
        Ok(())
    }
}

/// Logs that two guests which met have been moved apart.
fn log_move(settled: &Settled, guest: &roster::Guest, peer: DomId) {
    let peer = settled.guest(peer);
    let Some(peer) = peer.filter(|peer| guest.domid() < peer.domid()) else {
        return;
    };
    if let Err(apart @ Apart::Segment) = roster::may_meet(guest, peer) {
        let (guest, peer) = (Show(guest.domid()), Show(peer.domid()));
        pr_info!("guests {guest} and {peer}: kept apart, {}\n", Show(apart));
    }
}

/// Logs a warning, once. What one guest does to another is not charged to what is said of that one alone.
fn warn(warned: &mut KVec<Warning>, warning: Warning) {
    let about = warned.iter().filter(|w| w.guests() == warning.guests());
    if warned.contains(&warning) || about.count() >= MAX_WARNINGS {
        return;
    }
    if warned.push(warning, GFP_KERNEL).is_ok() {
        pr_warn!("{}\n", Show(warning));
    }
}
