// SPDX-License-Identifier: GPL-2.0

//! Routes through xl0, in a table of their own that only this guest's own packets are looked up in:
//!
//! ```text
//! ip rule:                        32765: from all iif lo lookup xlnet
//! ip route show table xlnet:      X nhid G proto xlnet src <our address>
//! ip nexthop:                     G: group of xl0 (weight 65535) and the NIC (weight 1)
//! ```
//!
//! Routes with an MTU of their own have next hops of their own: with a next hop the kernel caches what it
//! found, metrics included, for all routes that lead there.
//!
//! Forwarded packets never match the rule. Both next hops are there because reverse path filters, the
//! kernel's and nftables', ask whether the sender could be reached through the device that a packet came
//! in by, and what a peer sends comes in by either. Rule and next hops say that they are the kernel's, as
//! network managers remove what they do not know.

use core::net::IpAddr;
use kapi::{
    errno::ENOBUFS,
    net::{
        fib::{self, Route, Sender},
        rtnetlink::{
            Family,
            HostRoute,
            LocalRule,
            Metrics,
            NextHop,
            NextHopGroup,
            Socket,
            PROTOCOL_KERNEL, //
        },
    },
};
use kernel::prelude::*;

/// The routes' protocol number, which iproute-scripts/rt_protos.d names `xlnet`.
const PROTOCOL: u8 = 177;
/// The table, which iproute-scripts/rt_tables.d names `xlnet`.
const TABLE: u32 = 17700;
/// In front of the main table, behind whatever an administrator puts in front of that.
const PRIORITY: u32 = 32765;

/// Ids of the next hops for IPv4; high ones, as the kernel gives the lowest that is free. The members of a
/// group have the two that follow.
const NEXT_HOPS: u32 = 0x786c_0400;
/// Those of routes with an MTU of their own.
const NEXT_HOPS_MTU: u32 = 0x786c_0410;
/// The kernel divides by weight: of 65536 pairs of addresses one keeps to the NIC.
const WEIGHTS: [u16; 2] = [u16::MAX, 1];

/// Of IPv4 and TCP, without options.
const TCP_IP_HEADERS: u32 = 40;

const RULE: LocalRule = LocalRule {
    family: Family::V4,
    priority: PRIORITY,
    table: TABLE,
    protocol: PROTOCOL_KERNEL,
};

/// A route that is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) destination: IpAddr,
    pub(crate) source: IpAddr,
    /// The largest packet that is to be sent along it, if xl0's MTU is not for it.
    pub(crate) mtu: Option<u32>,
}

impl Wanted {
    /// The id of its next hops.
    fn next_hops(&self) -> u32 {
        match self.mtu {
            None => NEXT_HOPS,
            Some(_) => NEXT_HOPS_MTU,
        }
    }

    fn route(&self) -> HostRoute {
        HostRoute {
            destination: self.destination,
            source: self.source,
            table: TABLE,
            protocol: PROTOCOL,
            next_hops: self.next_hops(),
            // Connections that begin on the NIC are to use xl0's MTU when they get there.
            metrics: self.mtu.map(|mtu| Metrics {
                mtu,
                advmss: u32::from(u16::MAX) - TCP_IP_HEADERS,
            }),
        }
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
    next_hops: [NextHops; 2],
    /// What may be there of the routes: the administrator may have removed some.
    made: KVec<Wanted>,
    /// Whether the rule was made.
    rule: bool,
}

impl Routes {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(ifindex: i32) -> Result<Self> {
        Ok(Self {
            socket: Socket::open()?,
            ifindex,
            next_hops: [NEXT_HOPS, NEXT_HOPS_MTU].map(NextHops::none),
            made: KVec::new(),
            rule: false,
        })
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

    /// What was made, and may be there.
    pub(crate) fn made(&self) -> &[Wanted] {
        &self.made
    }

    /// Removes every route that is not wanted. Returns whether there was one. Process context, RTNL not held.
    pub(crate) fn keep_only(&mut self, wanted: &[Wanted]) -> bool {
        let socket = &mut self.socket;
        let mut removed = false;
        self.made.retain(|made| {
            if wanted.contains(made) {
                return true;
            }
            removed = true;
            // It is gone already if the administrator took it; without memory it is tried again.
            is_shortage(socket.delete(&made.route()))
        });
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
                self.remove_next_hops(wanted);
                self.put(wanted, nic)?;
            }
        }
        if self.is_used(wanted, nic) {
            return Ok(State::Used);
        }
        match self.socket.add(&RULE) {
            Ok(()) | Err(EEXIST) => self.rule = true,
            Err(error) => return Err(error),
        }
        Ok(if self.is_used(wanted, nic) {
            State::Used
        } else {
            State::Shadowed
        })
    }

    /// Has the route in the table.
    fn put(&mut self, wanted: &Wanted, nic: i32) -> Result<Put> {
        self.have_next_hops(wanted, nic)?;
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
        found.table == TABLE
            && found.next_hops == wanted.next_hops()
            && found.paths == 2
            && found.devices == [self.ifindex, nic]
            && found.source == Some(wanted.source)
    }

    fn have_next_hops(&mut self, wanted: &Wanted, nic: i32) -> Result {
        let of_route = |made: &&mut NextHops| made.id == wanted.next_hops();
        let made = self.next_hops.iter_mut().find(of_route).ok_or(EINVAL)?;
        made.have(&mut self.socket, [self.ifindex, nic])
    }

    /// Removes the next hops of a route, and with them what is left of all that have the same.
    fn remove_next_hops(&mut self, wanted: &Wanted) {
        for made in &mut self.next_hops {
            if made.id == wanted.next_hops() {
                made.remove(&mut self.socket);
            }
        }
    }

    /// Removes everything, when those who were sending along it are through. Process context, RTNL not held.
    pub(crate) fn remove_all(&mut self) {
        self.keep_only(&[]);
        if core::mem::take(&mut self.rule) {
            let _ = self.socket.delete(&RULE);
        }
        if self.next_hops.iter().any(|made| made.devices.is_some()) {
            fib::wait_for_senders();
            for made in &mut self.next_hops {
                made.remove(&mut self.socket);
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

/// A group of next hops, as far as they are ours: somebody may have taken their ids before.
struct NextHops {
    id: u32,
    /// The devices of the single ones, xl0 and the NIC, while they are there.
    devices: Option<[i32; 2]>,
    /// The single ones that were made.
    single: [Option<NextHop>; 2],
    /// Whether the group was made.
    group: bool,
}

impl NextHops {
    /// None of this id yet.
    const fn none(id: u32) -> Self {
        Self {
            id,
            devices: None,
            single: [None; 2],
            group: false,
        }
    }

    fn describe(&self) -> NextHopGroup {
        let [xl0, nic] = WEIGHTS;
        NextHopGroup {
            id: self.id,
            members: [(self.id + 1, xl0), (self.id + 2, nic)],
            protocol: PROTOCOL_KERNEL,
        }
    }

    /// Has them there, with these devices.
    fn have(&mut self, socket: &mut Socket, devices: [i32; 2]) -> Result {
        if self.devices == Some(devices) {
            return Ok(());
        }
        self.remove(socket);
        let result = self.add(socket, devices);
        if result.is_err() {
            self.remove(socket);
        }
        result
    }

    fn add(&mut self, socket: &mut Socket, devices: [i32; 2]) -> Result {
        let group = self.describe();
        let single = self.single.iter_mut().zip(group.members).zip(devices);
        for ((made, (id, _)), ifindex) in single {
            let next_hop = NextHop {
                id,
                family: Family::V4,
                ifindex,
                protocol: PROTOCOL_KERNEL,
            };
            socket.add(&next_hop)?;
            *made = Some(next_hop);
        }
        socket.add(&group)?;
        self.group = true;
        self.devices = Some(devices);
        Ok(())
    }

    /// Each may be gone already.
    fn remove(&mut self, socket: &mut Socket) {
        self.devices = None;
        if core::mem::take(&mut self.group) {
            let _ = socket.delete(&self.describe());
        }
        for next_hop in self.single.iter_mut().filter_map(Option::take) {
            let _ = socket.delete(&next_hop);
        }
    }
}

/// Whether the kernel had no memory for what it was asked, or for the answer.
fn is_shortage(result: Result) -> bool {
    matches!(result, Err(ENOMEM | ENOBUFS))
}
