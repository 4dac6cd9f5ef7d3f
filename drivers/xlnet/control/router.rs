// SPDX-License-Identifier: GPL-2.0

//! The router: one worker that decides which of the peers' addresses are reached through xl0, and from
//! which of them packets are taken.
//!
//! It is level-triggered, as the manager is, and knows no XenStore: it never waits for one, so that a
//! route is withdrawn in time whatever the manager is waiting for.

use crate::control::{
    avoid::Avoid,
    candidate::{Candidate, Way},
    nic::{Nic, NicState},
    place::Place,
    probe::Probe,
    replies::Replies,
    routes::{Routes, Wanted},
    session::Session,
    watched::Watched,
};
use crate::data::{group::Group, queue::Fault};
use core::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};
use kapi::{
    net::fib,
    sync::wait_for_readers,
    time::now_ms,
    work::{Work, Worker},
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex,
    },
};
use xlnet_protocol::Accepted;

/// How those who see a change tell the router.
pub(crate) type RouterKick = Arc<Worker<Router>>;

/// How often it is looked, while there are addresses of peers or former peers, what nobody tells of, in milliseconds.
const LOOK_MS: u64 = 500;
/// How soon after a look there may be another one: changes of the kernel's tables come in thousands.
const PACE_MS: u64 = 5;
/// How soon what somebody else took away, or the kernel refused, is tried again, in milliseconds.
const AGAIN_MS: u64 = 500;

#[pin_data]
pub(crate) struct Router {
    #[pin]
    state: Mutex<Option<State>>,
    nic: Arc<Nic>,
    /// When it was looked last.
    looked: Atomic<u64>,
}

struct State {
    routes: Routes,
    replies: Replies,
    avoid: Arc<Avoid>,
    watched: KVVec<Watched>,
    sessions: KVec<Session>,
    /// Whether the NIC could carry traffic.
    nic_up: bool,
}

impl Router {
    /// A router with nothing to route yet.
    pub(crate) fn new(nic: Arc<Nic>) -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(None),
            nic,
            looked: Atomic::new(0),
        })
    }

    /// Begins to route through the device of that index. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn start(&self, ifindex: i32, avoid: Arc<Avoid>) -> Result {
        let routes = Routes::new(ifindex)?;
        let replies = Replies::new()?;
        *self.state.lock() = Some(State {
            routes,
            replies,
            avoid,
            watched: KVVec::new(),
            sessions: KVec::new(),
            nic_up: false,
        });
        Ok(())
    }

    /// Takes what dom0 says of the peers' addresses. What is known of those that were there before stays.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then all is as it was.
    pub(crate) fn set_candidates(&self, candidates: KVVec<Candidate>) -> Result {
        let mut guard = self.state.lock();
        let Some(state) = (*guard).as_mut() else {
            return Ok(());
        };
        let mut watched = KVVec::with_capacity(candidates.len(), GFP_KERNEL)?;
        // Most are there again, and in the same order: so each is found at the end.
        state.watched.reverse();
        for candidate in candidates {
            let before = state
                .watched
                .iter()
                .rposition(|before| Arc::ptr_eq(&before.candidate.sighting, &candidate.sighting));
            let entry = match before.map(|at| state.watched.remove(at)) {
                Some(Ok(mut before)) => {
                    before.candidate = candidate;
                    before
                }
                _ => Watched::new(candidate),
            };
            watched.push(entry, GFP_KERNEL)?;
        }
        for mut gone in core::mem::replace(&mut state.watched, watched) {
            gone.refuse();
        }
        Ok(())
    }

    /// A channel was opened.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the channel is of no use then.
    pub(crate) fn open(&self, session: Session) -> Result {
        if let Some(state) = (*self.state.lock()).as_mut() {
            for watched in state.of(&session.group) {
                // Nobody has asked meanwhile, and its route is another one than before.
                watched.probe = Probe::new();
                watched.again_at = 0;
            }
            state.sessions.push(session, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// Routes nothing to a peer any more. What it sends is taken until [`Self::close`]. Process context, RTNL
    /// not held.
    pub(crate) fn withdraw(&self, group: &Group) {
        if let Some(state) = (*self.state.lock()).as_mut() {
            state.withdraw(group);
        }
    }

    /// A channel is closed.
    pub(crate) fn close(&self, group: &Group) {
        if let Some(state) = (*self.state.lock()).as_mut() {
            state.close(group);
        }
    }

    /// Removes all that is in the kernel's tables. The worker is stopped already. Process context, RTNL not
    /// held.
    pub(crate) fn remove_all(&self) {
        if let Some(mut state) = (*self.state.lock()).take() {
            state.replies.remove_all();
            state.routes.remove_all();
        }
    }

    /// Tells of each address whether it is on xl0, and if not, why.
    pub(crate) fn report(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = self.state.lock();
        for watched in guard.iter().flat_map(|state| &state.watched) {
            let Candidate {
                address, account, ..
            } = &watched.candidate;
            writeln!(f, "{address} peer {} {}", account.domid(), watched.place)?;
        }
        Ok(())
    }
}

impl Work for Router {
    fn run(&self, worker: &Worker<Self>) {
        let now = now_ms();
        let early = (self.looked.load(Relaxed) + PACE_MS).saturating_sub(now);
        if early > 0 {
            return worker.again_in(early);
        }
        self.looked.store(now, Relaxed);
        let mut guard = self.state.lock();
        let next = (*guard)
            .as_mut()
            .and_then(|state| state.pass(&self.nic, now));
        if let Some(at) = next {
            worker.again_in(at.saturating_sub(now).max(1));
        }
    }
}

impl State {
    /// The addresses of the peer that has the group.
    fn of<'a>(&'a mut self, group: &'a Group) -> impl Iterator<Item = &'a mut Watched> {
        let number = group.number();
        self.watched
            .iter_mut()
            .filter(move |watched| watched.candidate.is_of(number))
    }

    fn withdraw(&mut self, group: &Group) {
        for watched in self.of(group) {
            watched.candidate.own.set_accepted(|_| false);
            watched.put(Place::NoChannel);
        }
        self.replies.keep_only(&self.ipv6_on_xl0());
        let Ok(wanted) = self.in_use() else {
            return;
        };
        self.routes.keep_only(&wanted);
    }

    fn close(&mut self, group: &Group) {
        self.withdraw(group);
        self.sessions
            .retain(|session| session.group.number() != group.number());
        self.of(group).for_each(Watched::refuse);
    }

    /// The routes that are there and stay.
    fn in_use(&self) -> Result<KVVec<Wanted>> {
        let mut wanted = KVVec::new();
        for made in self.routes.made() {
            let stays = |watched: &Watched| {
                watched.candidate.address == made.destination && watched.place != Place::NoChannel
            };
            if self.watched.iter().any(stays) {
                wanted.push(*made, GFP_KERNEL)?;
            }
        }
        Ok(wanted)
    }

    /// Brings everything in line. Returns when to do so again, if nobody asks before.
    fn pass(&mut self, nic: &Nic, now: u64) -> Option<u64> {
        let ifindex = nic.ifindex();
        let nic_state = nic.look().state;
        if nic_state.is_some() && !self.nic_up {
            // What was seen before may be true no longer.
            for watched in &self.watched {
                let sighting = &watched.candidate.sighting;
                sighting.forget(sighting.last());
            }
        }
        self.nic_up = nic_state.is_some();
        for session in &mut self.sessions {
            if let Err(error) = session.hear(now) {
                session.group.report_fault(Fault::Malformed(error));
            }
        }
        if let Some(nic_state) = &nic_state {
            self.probe(nic, nic_state, now);
        }
        let up = nic_state.as_ref().map(|state| (ifindex, state));
        let withdrawn = self.judge(up, now);
        self.follow_replies(nic);
        if withdrawn {
            // Who is sending may have looked before.
            wait_for_readers();
        }
        self.accept(now);
        self.next(now)
    }

    /// Asks for the addresses of peers on the NIC, also while their channels open.
    fn probe(&mut self, nic: &Nic, nic_state: &NicState, now: u64) {
        let Some(dev) = nic.device() else {
            return;
        };
        for watched in &mut self.watched {
            let candidate = &watched.candidate;
            if candidate.way.group().is_none() {
                continue;
            }
            let Some(ask) = watched.probe.step(&candidate.sighting, now) else {
                continue;
            };
            // What the kernel takes as source on the NIC.
            let address = candidate.address;
            let route = self.routes.without_us(address).ok();
            let source = route
                .filter(|route| route.devices[0] == nic.ifindex())
                .and_then(|route| route.source)
                .or_else(|| nic_state.first_like(address));
            ask.send(&dev, source, address, candidate.sighting.mac());
        }
    }

    /// Brings the routes in line. Returns whether packets may be under way that are not to be sent any more.
    fn judge(&mut self, nic: Option<(i32, &NicState)>, now: u64) -> bool {
        let mut withdrawn = false;
        let mut wanted = KVVec::new();
        for watched in &mut self.watched {
            let candidate = &watched.candidate;
            let group = candidate.way.group().filter(|group| group.is_connected());
            let session = group.and_then(|group| session_of(&self.sessions, group));
            let accepts =
                |source: IpAddr| session.is_some_and(|session| session.accepts(source, now));
            withdrawn |= candidate.own.set_accepted(accepts);
            let judged = match (nic, session) {
                (None, _) => Err(Place::NoNic),
                (Some((_, state)), _) if state.first_like(candidate.address).is_none() => {
                    Err(Place::NoAddress)
                }
                _ if candidate.is_avoided(&self.avoid) => Err(Place::Avoided),
                (Some((nic, _)), Some(session)) => watched.judge(&self.routes, nic, session, now),
                (Some((nic, state)), None) => match &candidate.way {
                    Way::Channel(_) => Err(Place::NoChannel),
                    // What takes the way out is to fit through the NIC.
                    Way::Dormant(dormant) if dormant.is_routed() => {
                        watched.judge_dormant(&self.routes, nic, state.mtu)
                    }
                    Way::Dormant(_) => Err(Place::Waiting),
                },
            };
            match judged {
                // Without memory for the list: no route.
                Ok(route) => drop(wanted.push(route, GFP_KERNEL)),
                Err(place) => watched.put(place),
            }
        }
        withdrawn |= self.routes.keep_only(&wanted);
        // In the same order.
        let mut wanted = wanted.iter().peekable();
        for watched in &mut self.watched {
            let address = watched.candidate.address;
            let (Some(route), Some((nic, _))) =
                (wanted.next_if(|wanted| wanted.destination == address), nic)
            else {
                continue;
            };
            if self.routes.is_used(route, nic) {
                watched.put(watched.routed());
            } else if now >= watched.again_at {
                watched.again_at = now + AGAIN_MS;
                watched.installed(self.routes.install(route, nic));
            }
        }
        withdrawn
    }

    /// Has IPv6's own answers to who is on xl0 take that, too.
    fn follow_replies(&mut self, nic: &Nic) {
        self.replies.follow(&self.ipv6_on_xl0(), nic.name());
    }

    fn ipv6_on_xl0(&self) -> KVec<Ipv6Addr> {
        let mut on_xl0 = KVec::new();
        for watched in &self.watched {
            if let (Place::Xl0, IpAddr::V6(address)) = (watched.place, watched.candidate.address) {
                // Without memory what is answered there takes the NIC.
                let _ = on_xl0.push(address, GFP_KERNEL);
            }
        }
        on_xl0
    }

    /// Takes packets from addresses that are confirmed, and tells the peers of which.
    // Inlined, its lists would lie on the stack with those of what is called after it.
    #[inline(never)]
    fn accept(&mut self, now: u64) {
        for session in &mut self.sessions {
            let number = session.group.number();
            let connected = session.group.is_connected() && self.nic_up;
            let of_group = |watched: &&mut Watched| watched.candidate.is_of(number);
            let mut addresses = Accepted::new();
            for watched in self.watched.iter_mut().filter(of_group) {
                // Of more than there may be, the last ones stay on the NIC.
                if connected
                    && watched.is_confirmed()
                    && !watched.candidate.is_avoided(&self.avoid)
                    && addresses.push(watched.candidate.address).is_ok()
                {
                    watched.accept();
                }
            }
            let list = session.list_of(&addresses);
            let ends = |watched: &&mut Watched| {
                watched.candidate.sighting.is_accepted()
                    && addresses
                        .iter()
                        .all(|address| *address != watched.candidate.address)
            };
            for watched in self.watched.iter_mut().filter(of_group).filter(ends) {
                watched.end_accepting(list, session, now);
            }
            session.say(&addresses);
        }
    }

    fn next(&self, now: u64) -> Option<u64> {
        // Without addresses there may be routes that could not be removed for lack of memory.
        if self.watched.is_empty() && self.routes.made().is_empty() {
            return None;
        }
        self.watched
            .iter()
            .flat_map(Watched::due)
            .filter(|at| *at > now)
            .min()
            .map(|at| at.min(now + LOOK_MS))
            .or(Some(now + LOOK_MS))
    }
}

fn session_of<'a>(sessions: &'a [Session], group: &Group) -> Option<&'a Session> {
    sessions
        .iter()
        .find(|session| session.group.number() == group.number())
}

/// Tells the router that the kernel's tables changed.
pub(crate) struct TablesObserver {
    router: RouterKick,
}

impl TablesObserver {
    pub(crate) fn new(router: RouterKick) -> Self {
        Self { router }
    }
}

impl fib::Observer for TablesObserver {
    fn changed(&self) {
        self.router.kick();
    }
}
