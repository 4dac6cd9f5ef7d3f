// SPDX-License-Identifier: GPL-2.0

//! Where the kernel would send a packet, and being told when that may be somewhere else.
//!
//! C headers: [`include/net/ip_fib.h`](srctree/include/net/ip_fib.h),
//! [`include/net/ip6_fib.h`](srctree/include/net/ip6_fib.h),
//! [`include/net/fib_notifier.h`](srctree/include/net/fib_notifier.h),
//! [`include/net/nexthop.h`](srctree/include/net/nexthop.h)

use crate::{
    bindings,
    net::inet6::{in6_addr, ipv6_addr},
    notifier::{Listener, Registration},
};
use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr::null_mut,
};
use kernel::{error::to_result, prelude::*, sync::Arc};

/// A route that a lookup in the initial network namespace found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The table it stands in.
    pub table: u32,
    /// Whether it is one to another host: no blackhole, not this host's own address, no broadcast.
    pub is_unicast: bool,
    /// Who installed it: a `RTPROT_` number.
    pub protocol: u8,
    /// The id of its next-hop object, 0 if it has none.
    pub next_hops: u32,
    /// How many next hops it has.
    pub paths: u32,
    /// The device indexes of the first two; 0 where there is none.
    pub devices: [i32; 2],
    /// Whether the next hop that was chosen is a gateway.
    pub via_gateway: bool,
    /// The source that the kernel takes for packets along it.
    pub source: Option<IpAddr>,
    /// Whether it would take another one for sockets that prefer that, as the route names none
    /// (RFC 5014, for IPv6).
    pub source_is_chosen: bool,
}

impl Route {
    /// # Errors
    ///
    /// That of the lookup.
    fn from_answer(result: c_int, answer: &bindings::xl_fib_answer) -> Result<Self> {
        to_result(result)?;
        let source = ipv6_addr(&answer.source);
        Ok(Self {
            table: answer.table,
            is_unicast: u32::from(answer.type_) == bindings::RTN_UNICAST,
            protocol: answer.protocol,
            next_hops: answer.next_hops,
            paths: answer.paths,
            devices: answer.oifs,
            via_gateway: answer.gateway,
            source: (!source.is_unspecified()).then_some(source.to_canonical()),
            source_is_chosen: answer.chosen,
        })
    }
}

/// Who sends a packet, as rules tell them apart by `iif`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// This host itself, for which `iif lo` stands.
    Local,
    /// Nobody that a rule names: a device by whose index no rule can be meant.
    Nobody(i32),
}

/// Looks up where a packet would be sent that has neither mark nor class, from `source`, of the
/// destination's family, if that is known already. Any context but hard interrupts.
///
/// # Errors
///
/// `ENETUNREACH` and others if it would not be sent; `EAFNOSUPPORT` if the kernel was booted without
/// the family.
pub fn lookup(sender: Sender, source: Option<IpAddr>, destination: IpAddr) -> Result<Route> {
    let iif = match sender {
        Sender::Local => bindings::LOOPBACK_IFINDEX as c_int,
        Sender::Nobody(ifindex) => ifindex,
    };
    let mut answer = bindings::xl_fib_answer::default();
    let result = match destination {
        IpAddr::V4(destination) => {
            let source = match source {
                Some(IpAddr::V4(source)) => source,
                _ => Ipv4Addr::UNSPECIFIED,
            };
            // SAFETY: `answer` is valid for writes.
            unsafe { bindings::xl_fib_lookup4(iif, be32(source), be32(destination), &mut answer) }
        }
        IpAddr::V6(destination) => {
            let source = match source {
                Some(IpAddr::V6(source)) => source,
                _ => Ipv6Addr::UNSPECIFIED,
            };
            let (source, destination) = (in6_addr(source), in6_addr(destination));
            // SAFETY: The addresses are valid for reads, `answer` is for writes.
            unsafe { bindings::xl_fib_lookup6(iif, &source, &destination, &mut answer) }
        }
    };
    Route::from_answer(result, &answer)
}

/// Looks `destination` up in one table. Any context but hard interrupts.
///
/// # Errors
///
/// `ESRCH`, `ENETUNREACH` or another if there is none to it; `EAFNOSUPPORT` if the kernel was booted
/// without the family.
pub fn lookup_in(table: u32, destination: IpAddr) -> Result<Route> {
    let mut answer = bindings::xl_fib_answer::default();
    let result = match destination {
        IpAddr::V4(destination) => {
            // SAFETY: `answer` is valid for writes.
            unsafe { bindings::xl_fib_table_lookup4(table, be32(destination), &mut answer) }
        }
        IpAddr::V6(destination) => {
            let destination = in6_addr(destination);
            // SAFETY: The address is valid for reads, `answer` is for writes.
            unsafe { bindings::xl_fib_table_lookup6(table, &destination, &mut answer) }
        }
    };
    Route::from_answer(result, &answer)
}

fn be32(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets())
}

/// Has routes of IPv6 looked up anew by all that have looked one up, sockets among them. Process
/// context.
///
/// With next-hop objects the kernel goes on using what it found when the route is deleted, until
/// another one is added.
pub fn flush_ipv6() {
    // SAFETY: In process context nobody but the tables' own code holds their locks.
    unsafe { bindings::xl_fib_flush6() };
}

/// Waits until no task is where it was when it was preempted before the call: each has slept, been
/// idle or in user space since. Takes some hundred milliseconds. Process context.
///
/// A sender looks its route up once and then builds and sends the packet, without any lock. When a
/// next hop is deleted, what the kernel has cached of it is made to discard packets one grace
/// period later, and a sender that was preempted in between would lose its packet.
pub fn wait_for_senders() {
    // SAFETY: By the function's contract this is a context that may sleep.
    unsafe { bindings::xl_synchronize_rcu_tasks() };
}

/// Who is told of changes.
pub trait Observer: Send + Sync + 'static {
    /// A route, a rule or a next hop of the initial network namespace changed. Softirq context,
    /// possibly with locks of the routing tables held: the handler should leave the work to somebody else.
    fn changed(&self);
}

/// A registration for changes of routes, rules and next hops; dropping it ends it.
pub struct Notifier<T: Observer> {
    _tables: Pin<KBox<Registration<Tables<T>>>>,
    _next_hops: Pin<KBox<Registration<NextHops<T>>>>,
}

impl<T: Observer> Notifier<T> {
    /// Registers `observer`, which is told at once of what there is. Process context; takes RTNL, as
    /// does dropping it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EBUSY` if the tables change too fast to be told of.
    pub fn new(observer: T) -> Result<Self> {
        let observer = Arc::new(observer, GFP_KERNEL)?;
        Ok(Self {
            _tables: Registration::new(Tables(observer.clone()))?,
            _next_hops: Registration::new(NextHops(observer))?,
        })
    }
}

/// Hears of routes and rules.
struct Tables<T: Observer>(Arc<T>);

// SAFETY: The kernel's functions for this chain of the initial namespace do so; the first takes the
// block out again if it fails.
unsafe impl<T: Observer> Listener for Tables<T> {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: By the function's contract. No function is to be called when it has to begin
        // anew.
        unsafe { bindings::register_fib_notifier(bindings::xl_init_net(), block, None, null_mut()) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: By the function's contract.
        unsafe { bindings::unregister_fib_notifier(bindings::xl_init_net(), block) };
    }

    unsafe fn told(&self, _event: c_ulong, _info: *mut c_void) {
        self.0.changed();
    }
}

/// Hears of next-hop objects: that one has left a group, the tables do not tell.
struct NextHops<T: Observer>(Arc<T>);

// SAFETY: The kernel's functions for this chain of the initial namespace do so; the first adds the
// block last.
unsafe impl<T: Observer> Listener for NextHops<T> {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { bindings::register_nexthop_notifier(bindings::xl_init_net(), block, null_mut()) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: By the function's contract.
        unsafe { bindings::unregister_nexthop_notifier(bindings::xl_init_net(), block) };
    }

    unsafe fn told(&self, _event: c_ulong, _info: *mut c_void) {
        self.0.changed();
    }
}
