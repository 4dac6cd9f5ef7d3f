// SPDX-License-Identifier: GPL-2.0

//! When to ask, on the NIC, who has a peer's address.
//!
//! What ARP or Neighbor Discovery has shown is good for a while only: it is asked for again, of the peer
//! alone, and ends when the peer does not answer. An address that nobody has is asked for ever more rarely.
//! Two guests that are connected so send each other one request and one answer for each of their addresses in
//! half a minute.

use crate::data::sighting::{Seen, Sighting, Verdict};
use core::net::{IpAddr, Ipv4Addr};
use kapi::net::{arp, ndp, neighbour::Neighbour, netdevice::Device};

/// How soon an address is asked for again that nobody has answered for: at first, and at most, in
/// milliseconds.
const UNSEEN_MS: u64 = 1000;
const UNSEEN_MAX_MS: u64 = 60_000;
/// How soon it is asked for again otherwise, in milliseconds.
const AGAIN_MS: u64 = 30_000;
/// So many times without an answer, the last of which may take so many milliseconds, end a confirmation.
const UNANSWERED: u32 = 3;
const ANSWER_MS: u64 = 1000;
/// For how long a confirmation lasts then, in milliseconds.
const LASTS_MS: u64 = UNANSWERED as u64 * AGAIN_MS + ANSWER_MS;

/// Of whom to ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Everybody,
    /// The same, as the peer alone does not answer any more.
    EverybodyInstead,
    /// Whoever has the peer's MAC, or by Neighbor Discovery is the kernel's neighbour at the address.
    Peer,
}

impl Ask {
    /// Asks on `dev` for `address`, as from `source`; the peer's MAC is `mac`.
    ///
    /// What does not answer the kernel has given up by then, if not for its own reasons then as requests
    /// of Neighbor Discovery wear its entry out. Over the NIC alone, what TCP has acknowledged would have
    /// kept that entry, and traffic that goes back there is to find it: nobody else can tell it a MAC
    /// while the peer's answers are held back.
    pub(crate) fn send(self, dev: &Device, source: Option<IpAddr>, address: IpAddr, mac: [u8; 6]) {
        if self != Self::Everybody {
            dev.remember(Neighbour { mac, address });
        }
        match (address, source) {
            (IpAddr::V4(address), source) => {
                let source = match source {
                    Some(IpAddr::V4(source)) => source,
                    // RFC 5227: so asks who has no address yet.
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                arp::request(dev, source, address, (self == Self::Peer).then_some(mac));
            }
            (IpAddr::V6(address), Some(IpAddr::V6(source))) => {
                let ask = match self {
                    Self::Everybody | Self::EverybodyInstead => ndp::Ask::Everybody,
                    Self::Peer => ndp::Ask::Neighbour,
                };
                ndp::solicit(dev, source, address, ask);
            }
            // A host without IPv6 addresses has nobody to reach by them.
            (IpAddr::V6(_), _) => {}
        }
    }
}

/// The probing of one address.
#[derive(Clone)]
pub(crate) struct Probe {
    /// What was seen when the count below began.
    since: Option<Seen>,
    /// How often was asked since then.
    asked: u32,
    /// When to do something next.
    at: u64,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self {
            since: None,
            asked: 0,
            at: 0,
        }
    }

    /// Looks what was seen by `now`; forgets what is too old. Returns whom to ask now, if anybody.
    pub(crate) fn step(&mut self, sighting: &Sighting, now: u64) -> Option<Ask> {
        let seen = sighting.last();
        if self.since != Some(seen) {
            if seen.verdict == Verdict::Confirmed && now > seen.at + LASTS_MS {
                // Seen long before there was a channel, when nobody asked again.
                sighting.forget(seen);
                return self.step(sighting, now);
            }
            self.since = Some(seen);
            self.asked = 0;
            self.at = match seen.verdict {
                Verdict::Unseen => now,
                Verdict::Confirmed | Verdict::Contradicted => seen.at + AGAIN_MS,
            };
        }
        if now < self.at {
            return None;
        }
        let confirmed = seen.verdict == Verdict::Confirmed;
        if confirmed && self.asked == UNANSWERED {
            sighting.forget(seen);
            return self.step(sighting, now).and(Some(Ask::EverybodyInstead));
        }
        self.asked += 1;
        self.at = now
            + match seen.verdict {
                Verdict::Unseen => (UNSEEN_MS << (self.asked - 1).min(16)).min(UNSEEN_MAX_MS),
                Verdict::Confirmed if self.asked == UNANSWERED => ANSWER_MS,
                Verdict::Confirmed | Verdict::Contradicted => AGAIN_MS,
            };
        Some(if confirmed { Ask::Peer } else { Ask::Everybody })
    }

    /// When to look again.
    pub(crate) fn next(&self) -> u64 {
        self.at
    }
}
