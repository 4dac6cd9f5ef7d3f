// SPDX-License-Identifier: GPL-2.0

//! Routes through xl0, in a table of their own that only this guest's own packets are looked up in:
//!
//! ```text
//! ip rule:                        32765: from all iif lo lookup xlnet
//! ip route show table xlnet:      X nhid G proto xlnet src <our address>
//! ip nexthop:                     G: group of xl0 (weight 65535) and the NIC (weight 1)
//! ```
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

/// Ids of the next hops for IPv4; high ones, as the kernel gives the lowest that is free.
const NEXT_HOPS: u32 = 0x786c_0400;
const VIA_XL0: u32 = NEXT_HOPS + 1;
const VIA_NIC: u32 = NEXT_HOPS + 2;
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
    fn route(&self) -> HostRoute {
        HostRoute {
            destination: self.destination,
            source: self.source,
            table: TABLE,
            protocol: PROTOCOL,
            next_hops: NEXT_HOPS,
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
    next_hops: Option<NextHops>,
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
            next_hops: None,
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
                self.remove_next_hops();
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
        self.have_next_hops(nic)?;
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
            if there.protocol != PROTOCOL || there.next_hops != NEXT_HOPS {
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
            && found.next_hops == NEXT_HOPS
            && found.paths == 2
            && found.devices == [self.ifindex, nic]
            && found.source == Some(wanted.source)
    }

    fn have_next_hops(&mut self, nic: i32) -> Result {
        if self.next_hops.as_ref().is_some_and(|made| made.nic == nic) {
            return Ok(());
        }
        self.remove_next_hops();
        let mut made = NextHops::none(nic);
        let result = made.add(&mut self.socket, self.ifindex);
        self.next_hops = Some(made);
        if result.is_err() {
            self.remove_next_hops();
        }
        result
    }

    /// Removes the next hops, and with them what is left of the routes.
    fn remove_next_hops(&mut self) {
        if let Some(mut made) = self.next_hops.take() {
            made.remove(&mut self.socket);
        }
    }

    /// Removes everything, when those who were sending along it are through. Process context, RTNL not held.
    pub(crate) fn remove_all(&mut self) {
        self.keep_only(&[]);
        if core::mem::take(&mut self.rule) {
            let _ = self.socket.delete(&RULE);
        }
        if self.next_hops.is_some() {
            fib::wait_for_senders();
            self.remove_next_hops();
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

/// The next hops, as far as they are ours: somebody may have taken their ids before.
struct NextHops {
    nic: i32,
    /// The single ones that were made.
    single: [Option<NextHop>; 2],
    /// Whether the group was made.
    group: bool,
}

impl NextHops {
    const GROUP: NextHopGroup = {
        let [xl0, nic] = WEIGHTS;
        NextHopGroup {
            id: NEXT_HOPS,
            members: [(VIA_XL0, xl0), (VIA_NIC, nic)],
            protocol: PROTOCOL_KERNEL,
        }
    };

    const fn none(nic: i32) -> Self {
        Self {
            nic,
            single: [None; 2],
            group: false,
        }
    }

    fn add(&mut self, socket: &mut Socket, xl0: i32) -> Result {
        let devices = [(VIA_XL0, xl0), (VIA_NIC, self.nic)];
        for (made, (id, ifindex)) in self.single.iter_mut().zip(devices) {
            let next_hop = NextHop {
                id,
                family: Family::V4,
                ifindex,
                protocol: PROTOCOL_KERNEL,
            };
            socket.add(&next_hop)?;
            *made = Some(next_hop);
        }
        socket.add(&Self::GROUP)?;
        self.group = true;
        Ok(())
    }

    /// Each may be gone already.
    fn remove(&mut self, socket: &mut Socket) {
        if core::mem::take(&mut self.group) {
            let _ = socket.delete(&Self::GROUP);
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
