// SPDX-License-Identifier: GPL-2.0

//! How it is with an address: what the link says, whether it may take xl0, whether packets are taken from it.

use crate::control::{
    candidate::{Candidate, Way},
    place::{Link, Place},
    probe::Probe,
    routes::{Routes, State as RouteState, Wanted},
    session::Session,
};
use crate::data::sighting::Verdict;
use kapi::{trace, Show};
use kernel::prelude::*;

/// How long packets are taken from an address after it was said that they are not, for a peer that has not
/// acted on it yet, in milliseconds.
const ENDING_MS: u64 = 1000;

/// A candidate, and how it is with it.
pub(crate) struct Watched {
    pub(crate) candidate: Candidate,
    pub(crate) probe: Probe,
    ending: Option<Ending>,
    /// Whether it is on xl0, or why not.
    pub(crate) place: Place,
    /// When to try again what did not stay, or was refused.
    pub(crate) again_at: u64,
}

/// Packets are taken from an address only until the peer has seen that they are not.
#[derive(Clone, Copy)]
struct Ending {
    /// The number of the list that says so.
    list: u32,
    /// Until when at most.
    until: u64,
}

impl Watched {
    pub(crate) fn new(candidate: Candidate) -> Self {
        Self {
            candidate,
            probe: Probe::new(),
            ending: None,
            place: Place::NoChannel,
            again_at: 0,
        }
    }

    /// Takes note of whether it is on xl0, or why not.
    pub(crate) fn put(&mut self, place: Place) {
        if place != self.place {
            let Candidate {
                address, account, ..
            } = &self.candidate;
            let peer = account.domid().raw();
            trace::route(peer, *address, place == Place::Xl0, fmt!("{}", Show(place)));
        }
        self.place = place;
    }

    /// Whether the peer's address is where it should be.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.candidate.sighting.last().verdict == Verdict::Confirmed
    }

    /// The source that packets to it have, and whether they may take xl0 to the peer of the session.
    pub(crate) fn judge(
        &self,
        routes: &Routes,
        nic: i32,
        session: &Session,
        now: u64,
    ) -> Result<Wanted, Place> {
        if let Verdict::Unseen = self.candidate.sighting.last().verdict {
            return Err(Place::NotSeen(Link::of(self.candidate.address)));
        }
        let wanted = self.judge_route(routes, nic, None)?;
        if session.is_paused(now) {
            return Err(Place::Paused);
        }
        if !session.accepts(wanted.source, now) {
            return Err(Place::NotAccepted);
        }
        Ok(wanted)
    }

    /// The route that the address of a former peer would have, of this MTU, so that what is sent there is told of.
    /// Not while only the peer's advert says that it is there, which may name anybody's address.
    pub(crate) fn judge_dormant(
        &self,
        routes: &Routes,
        nic: i32,
        mtu: u32,
    ) -> Result<Wanted, Place> {
        if let Verdict::Unseen = self.candidate.sighting.last().verdict {
            return Err(Place::Dormant);
        }
        self.judge_route(routes, nic, Some(mtu))
    }

    /// The route that it would have, of this MTU if not xl0's, if the kernel would have it reached through the
    /// NIC.
    fn judge_route(&self, routes: &Routes, nic: i32, mtu: Option<u32>) -> Result<Wanted, Place> {
        let destination = self.candidate.address;
        if let Verdict::Contradicted = self.candidate.sighting.last().verdict {
            return Err(Place::Elsewhere(Link::of(destination)));
        }
        if destination.is_ipv6() && !routes.carry_ipv6() {
            return Err(Place::Ipv6Off);
        }
        let route = routes.without_us(destination).map_err(|_| Place::NoRoute)?;
        let source = match route.source {
            Some(source) if route.is_unicast => source,
            _ => return Err(Place::NoRoute),
        };
        if route.paths != 1 || route.devices[0] != nic {
            return Err(Place::OtherDevice);
        }
        if route.via_gateway {
            return Err(Place::Gateway);
        }
        if !self.candidate.own.vouches(source) {
            return Err(Place::NotVouched);
        }
        Ok(Wanted {
            destination,
            source,
            names_source: !route.source_is_chosen,
            mtu,
        })
    }

    /// What it is if its route is there.
    pub(crate) fn routed(&self) -> Place {
        match &self.candidate.way {
            Way::Channel(_) => Place::Xl0,
            Way::Dormant(_) => Place::Dormant,
        }
    }

    /// Takes note of what became of its route.
    pub(crate) fn installed(&mut self, state: RouteState) {
        let place = match state {
            RouteState::Used => self.routed(),
            RouteState::Shadowed => Place::Shadowed,
            RouteState::Foreign => Place::Foreign,
            RouteState::Refused(error) => Place::Refused(error),
        };
        // Where there is a channel, that is missed.
        let missed = place != self.place && self.candidate.way.group().is_some();
        if let (Place::Refused(error), true) = (place, missed) {
            self.candidate.account.warn(format_args!(
                "a route is refused ({error:?}), its traffic stays on the NIC"
            ));
        }
        self.put(place);
    }

    /// Takes packets from it from now on.
    pub(crate) fn accept(&mut self) {
        self.ending = None;
        self.candidate.sighting.accept(true);
    }

    /// Takes no packets from it once the peer has seen that the list of the number `list` is without it, or soon.
    pub(crate) fn end_accepting(&mut self, list: u32, session: &Session, now: u64) {
        let ending = *self.ending.get_or_insert(Ending {
            list,
            until: now + ENDING_MS,
        });
        if session.is_seen(ending.list) || now >= ending.until {
            self.refuse();
        }
    }

    /// Takes no packets from it any more.
    pub(crate) fn refuse(&mut self) {
        self.ending = None;
        self.candidate.sighting.accept(false);
    }

    /// When there is something to do for it.
    pub(crate) fn due(&self) -> impl Iterator<Item = u64> {
        let ending = self.ending.map(|ending| ending.until);
        Iterator::chain(Some(self.probe.next()).into_iter(), ending)
    }
}
