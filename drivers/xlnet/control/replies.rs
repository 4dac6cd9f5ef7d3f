// SPDX-License-Identifier: GPL-2.0

//! Routes for what IPv6 answers by itself: it sends the answer to a ping out of the device that the ping came
//! in by (`icmpv6_echo_reply`), and what came through xl0 came in by the NIC.
//!
//! ```text
//! ip -6 rule:                             32764: from all iif lo oif <NIC> ipproto ipv6-icmp lookup xlnet-replies
//! ip -6 route show table xlnet-replies:   X nhid <xl0> proto xlnet metric 1
//!                                         X nhid <NIC> proto xlnet metric 2
//! ```
//!
//! Such an answer asks for the device and would take another one: it takes the first route. Who is bound to
//! the NIC would not, and takes the second one; and so do filters of the reverse path that ask for a device
//! (`ip6t_rpfilter`). Both routes are for addresses that are on xl0 anyway, so that nothing depends on their
//! coming and going in time: an answer that reaches xl0 too late takes the way out.

use crate::control::{
    next_hops::{Members, V6_MEMBERS},
    routes::PROTOCOL,
};
use core::net::{IpAddr, Ipv6Addr};
use kapi::net::{
    fib,
    rtnetlink::{
        DeviceName,
        Family,
        HostRoute,
        LocalRule,
        Output,
        Socket,
        PROTOCOL_KERNEL, //
    },
};
use kernel::prelude::*;

/// The table, which iproute-scripts/rt_tables.d names `xlnet-replies`.
const TABLE: u32 = 17701;
/// In front of the rule for all that is sent.
const PRIORITY: u32 = 32764;

/// Of the routes to an address, that through xl0 and that through the NIC.
const PRIORITIES: [u32; 2] = [1, 2];

pub(crate) struct Replies {
    socket: Socket,
    /// To what there may be routes.
    made: KVec<Ipv6Addr>,
    /// The NIC's name in the rule, if that was made.
    rule: Option<DeviceName>,
}

impl Replies {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            socket: Socket::open()?,
            made: KVec::new(),
            rule: None,
        })
    }

    /// Has routes to the addresses that are on xl0, and to no others, and the rule if there are any. What is
    /// refused is tried again the next time. Process context, RTNL not held.
    pub(crate) fn follow(&mut self, on_xl0: &[Ipv6Addr], nic: Option<DeviceName>) {
        self.keep_only(on_xl0);
        for address in on_xl0 {
            // Without memory there is no such route: its answers take the NIC.
            if self.made.contains(address) || self.made.push(*address, GFP_KERNEL).is_ok() {
                self.put(*address);
            }
        }
        let Some(name) = nic.filter(|_| !self.made.is_empty()) else {
            return;
        };
        if self.rule != Some(name) {
            // The NIC has another name now.
            self.remove_rule();
        }
        // It may be there: then this changes nothing.
        let _ = self.socket.add(&rule(name));
        self.rule = Some(name);
    }

    /// Removes what is for other addresses. Process context, RTNL not held.
    pub(crate) fn keep_only(&mut self, on_xl0: &[Ipv6Addr]) {
        let socket = &mut self.socket;
        self.made.retain(|made| {
            let stays = on_xl0.contains(made);
            if !stays {
                for route in routes(*made) {
                    // It may be gone already.
                    let _ = socket.delete(&route);
                }
            }
            stays
        });
        if self.made.is_empty() {
            self.remove_rule();
        }
    }

    fn put(&mut self, address: Ipv6Addr) {
        let there = fib::lookup_in(TABLE, IpAddr::V6(address));
        if there.is_ok_and(|there| there.next_hops == V6_MEMBERS.xl0) {
            return;
        }
        for route in routes(address) {
            let _ = self.socket.add(&route);
        }
    }

    fn remove_rule(&mut self) {
        if let Some(name) = self.rule.take() {
            let _ = self.socket.delete(&rule(name));
        }
    }

    /// Removes everything. Process context, RTNL not held.
    pub(crate) fn remove_all(&mut self) {
        self.keep_only(&[]);
    }
}

fn routes(address: Ipv6Addr) -> [HostRoute; 2] {
    let Members { xl0, nic } = V6_MEMBERS;
    let [first, second] = PRIORITIES;
    [(xl0, first), (nic, second)].map(|(next_hop, priority)| HostRoute {
        destination: IpAddr::V6(address),
        source: None,
        table: TABLE,
        protocol: PROTOCOL,
        priority: Some(priority),
        next_hops: next_hop,
        metrics: None,
    })
}

fn rule(nic: DeviceName) -> LocalRule {
    LocalRule {
        family: Family::V6,
        priority: PRIORITY,
        table: TABLE,
        protocol: PROTOCOL_KERNEL,
        only: Some(Output::icmpv6(nic)),
    }
}
