// SPDX-License-Identifier: GPL-2.0

//! Routes through xl0, in a table of their own that only this guest's own packets are looked up in:
//!
//! ```text
//! ip rule:                        32765: from all iif lo lookup xlnet
//! ip route show table xlnet:      X nhid G proto xlnet src <our address>
//! ip nexthop:                     G: group of xl0 (weight 65535) and the NIC (weight 1)
//! ```
//!
//! and the same for IPv6 (`ip -6`), but for the source, which a route names there only if the one in its
//! place without xlnet does. Else the kernel chooses among this host's addresses for each socket (RFC 6724),
//! by what that prefers and by lifetimes that end at any time. It does so for the device of the first next
//! hop, and there that is the NIC: so the choice is the one that it would make without xlnet.
//!
//! Forwarded packets never match the rule. Both next hops are there because reverse path filters, the
//! kernel's and nftables', ask whether the sender could be reached through the device that a packet came
//! in by, and what a peer sends comes in by either. Rule and next hops say that they are the kernel's, as
//! network managers remove what they do not know.

use crate::control::next_hops::{group_id, in_order, NextHops};
use core::net::IpAddr;
use kapi::net::{
    fib::{self, Route, Sender},
    inet6,
    rtnetlink::{
        is_shortage,
        Family,
        HostRoute,
        LocalRule,
        Metrics,
        Socket,
        PROTOCOL_KERNEL, //
    },
};
use kernel::prelude::*;

/// The routes' protocol number, which iproute-scripts/rt_protos.d names `xlnet`.
pub(crate) const PROTOCOL: u8 = 177;
/// The table, which iproute-scripts/rt_tables.d names `xlnet`.
const TABLE: u32 = 17700;
/// In front of the main table, behind whatever an administrator puts in front of that.
const PRIORITY: u32 = 32765;

/// The largest segment that the kernel lets a route of either family tell of: with the headers of IPv4 and TCP
/// it is the longest packet.
const MAX_MSS: u32 = u16::MAX as u32 - 40;

const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

const fn rule(family: Family) -> LocalRule {
    LocalRule {
        family,
        priority: PRIORITY,
        table: TABLE,
        protocol: PROTOCOL_KERNEL,
        only: None,
    }
}

/// A route that is wanted. Two are one if they are one to the kernel.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) destination: IpAddr,
    /// What the kernel takes as source, if no socket prefers another one.
    pub(crate) source: IpAddr,
    /// Whether the route is to say so.
    pub(crate) names_source: bool,
    /// The largest packet that is to be sent along it, if xl0's MTU is not for it.
    pub(crate) mtu: Option<u32>,
}

impl Wanted {
    /// The id of its next hops.
    fn next_hops(&self) -> u32 {
        group_id(family_of(self.destination), self.mtu.is_some())
    }

    fn route(&self) -> HostRoute {
        HostRoute {
            destination: self.destination,
            source: self.names_source.then_some(self.source),
            table: TABLE,
            protocol: PROTOCOL,
            priority: None,
            next_hops: self.next_hops(),
            // Connections that begin on the NIC are to use xl0's MTU when they get there.
            metrics: self.mtu.map(|mtu| Metrics {
                mtu,
                advmss: MAX_MSS,
            }),
        }
    }
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        self.destination == other.destination && self.route() == other.route()
    }
}

/// What became of a route that is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is used.
    Used,
    /// It is there, but a rule or another table answers before it.
    Shadowed,
    /// The administrator has a route of his own to the address in the table.
    Foreign,
    /// The kernel refuses it.
    Refused(Error),
}

/// All that stands in the kernel's tables for xl0.
pub(crate) struct Routes {
    socket: Socket,
    /// xl0's index.
    ifindex: i32,
    /// What is there of each family.
    ipv4: Frame,
    ipv6: Frame,
    /// What may be there of the routes: the administrator may have removed some.
    made: KVVec<Wanted>,
}

/// What a family's routes hang on.
struct Frame {
    family: Family,
    /// Of routes with xl0's MTU, and of those with one of their own.
    next_hops: [NextHops; 2],
    /// Whether the rule was made.
    rule: bool,
}

impl Frame {
    fn new(family: Family) -> Self {
        Self {
            family,
            next_hops: [false, true].map(|own_mtu| NextHops::none(family, own_mtu)),
            rule: false,
        }
    }

    /// Those of a route.
    fn next_hops(&mut self, wanted: &Wanted) -> &mut NextHops {
        let [of_xl0, own_mtu] = &mut self.next_hops;
        match wanted.mtu {
            None => of_xl0,
            Some(_) => own_mtu,
        }
    }

    fn have_rule(&mut self, socket: &mut Socket) -> Result {
        match socket.add(&rule(self.family)) {
            Ok(()) | Err(EEXIST) => {
                self.rule = true;
                Ok(())
            }
            refused => refused,
        }
    }

    fn remove_rule(&mut self, socket: &mut Socket) {
        if core::mem::take(&mut self.rule) {
            let _ = socket.delete(&rule(self.family));
        }
    }
}

impl Routes {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(ifindex: i32) -> Result<Self> {
        Ok(Self {
            socket: Socket::open()?,
            ifindex,
            ipv4: Frame::new(Family::V4),
            ipv6: Frame::new(Family::V6),
            made: KVVec::new(),
        })
    }

    /// What the routes to an address hang on, and what changes it.
    fn frame(&mut self, destination: IpAddr) -> (&mut Frame, &mut Socket) {
        let frame = match family_of(destination) {
            Family::V4 => &mut self.ipv4,
            Family::V6 => &mut self.ipv6,
        };
        (frame, &mut self.socket)
    }

    /// Where the kernel would send a packet of ours to the address if xlnet were not there, and with which
    /// source.
    ///
    /// # Errors
    ///
    /// The kernel's, if it would not send it.
    pub(crate) fn without_us(&self, destination: IpAddr) -> Result<Route> {
        let sender = Sender::Nobody(self.ifindex);
        let first = fib::lookup(sender, None, destination)?;
        // With the source there may be other rules for it.
        match first.source {
            Some(source) => fib::lookup(sender, Some(source), destination),
            None => Ok(first),
        }
    }

    /// Whether routes of IPv6 through xl0 would be of use.
    pub(crate) fn carry_ipv6(&self) -> bool {
        inet6::is_on(self.ifindex)
    }

    /// What was made, and may be there.
    pub(crate) fn made(&self) -> &[Wanted] {
        &self.made
    }

    /// Removes every route that is not wanted. Returns whether there was one. Process context, RTNL not held.
    pub(crate) fn keep_only(&mut self, wanted: &[Wanted]) -> bool {
        let socket = &mut self.socket;
        let (mut removed, mut of_ipv6) = (false, false);
        self.made.retain(|made| {
            if wanted.contains(made) {
                return true;
            }
            removed = true;
            of_ipv6 |= made.destination.is_ipv6();
            // It is gone already if the administrator took it; without memory it is tried again.
            is_shortage(socket.delete(&made.route()))
        });
        if of_ipv6 {
            // Of IPv4 the kernel does so.
            fib::flush_ipv6();
        }
        removed
    }

    /// Has a route there that is wanted. Process context, RTNL not held.
    pub(crate) fn install(&mut self, wanted: &Wanted, nic: i32) -> State {
        match self.try_install(wanted, nic) {
            Ok(state) => state,
            Err(error) => State::Refused(error),
        }
    }

    fn try_install(&mut self, wanted: &Wanted, nic: i32) -> Result<State> {
        match self.put(wanted, nic)? {
            Put::Foreign => return Ok(State::Foreign),
            Put::Done => {}
            Put::NextHopsWrong => {
                // One went, as the NIC's does with its carrier, or somebody took it.
                let (frame, socket) = self.frame(wanted.destination);
                frame.next_hops(wanted).remove(socket);
                self.put(wanted, nic)?;
            }
        }
        if self.is_used(wanted, nic) {
            return Ok(State::Used);
        }
        let (frame, socket) = self.frame(wanted.destination);
        frame.have_rule(socket)?;
        Ok(if self.is_used(wanted, nic) {
            State::Used
        } else {
            State::Shadowed
        })
    }

    /// Has the route in the table.
    fn put(&mut self, wanted: &Wanted, nic: i32) -> Result<Put> {
        let xl0 = self.ifindex;
        let (frame, socket) = self.frame(wanted.destination);
        frame.next_hops(wanted).have(socket, xl0, nic)?;
        if fib::lookup_in(TABLE, wanted.destination).is_err() {
            // Known before it is there: whatever comes of it, it will be removed.
            if !self.made.contains(wanted) {
                self.made.push(*wanted, GFP_KERNEL)?;
            }
            match self.socket.add(&wanted.route()) {
                // There is no such group.
                Err(EINVAL) => return Ok(Put::NextHopsWrong),
                added => added?,
            }
        }
        let there = fib::lookup_in(TABLE, wanted.destination)?;
        Ok(
            if there.protocol != PROTOCOL || there.next_hops != wanted.next_hops() {
                Put::Foreign
            } else if self.is_ours(&there, wanted, nic) {
                Put::Done
            } else {
                Put::NextHopsWrong
            },
        )
    }

    /// Whether a packet of ours takes the route.
    pub(crate) fn is_used(&self, wanted: &Wanted, nic: i32) -> bool {
        [None, Some(wanted.source)].into_iter().all(|source| {
            fib::lookup(Sender::Local, source, wanted.destination)
                .is_ok_and(|found| self.is_ours(&found, wanted, nic))
        })
    }

    fn is_ours(&self, found: &Route, wanted: &Wanted, nic: i32) -> bool {
        let family = family_of(wanted.destination);
        found.table == TABLE
            && found.next_hops == wanted.next_hops()
            && found.paths == 2
            && found.devices == in_order(family, self.ifindex, nic)
            && (!wanted.names_source || found.source == Some(wanted.source))
    }

    /// Removes everything, when those who were sending along it are through. Process context, RTNL not held.
    pub(crate) fn remove_all(&mut self) {
        self.keep_only(&[]);
        let mut any = false;
        for frame in [&mut self.ipv4, &mut self.ipv6] {
            frame.remove_rule(&mut self.socket);
            any |= frame.next_hops.iter().any(NextHops::are_there);
        }
        if any {
            fib::wait_for_senders();
        }
        for frame in [&mut self.ipv4, &mut self.ipv6] {
            for next_hops in &mut frame.next_hops {
                next_hops.remove(&mut self.socket);
            }
        }
    }
}

enum Put {
    Done,
    /// The administrator's route is in its place.
    Foreign,
    /// It is not there, or leads elsewhere, as the next hops are not what they were.
    NextHopsWrong,
}
