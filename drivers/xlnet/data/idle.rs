// SPDX-License-Identifier: GPL-2.0

//! When to poll for the next packet instead of falling asleep.
//!
//! A virtual CPU that has nothing to do blocks in Xen, and the packet that ends that costs its sender
//! a hypercall, Xen a wake-up, and us an interrupt: together more than the packet itself. If a packet
//! came soon after the one before it, the next will likely do so too, so a CPU that has nothing else
//! to run stays awake for it: the one where the application sends and then waits, which the packet
//! then wakes without an interrupt from elsewhere.
//!
//! KVM's guests have that from the haltpoll governor (`drivers/cpuidle/governors/haltpoll.c`); Xen's
//! PV guests have no cpuidle.

use kapi::net::{idle_poll::IdleThreads, napi::NapiId};
use kernel::{
    cpu::CpuId,
    sync::Arc,
    time::{Delta, Instant, Monotonic},
};

/// How long a CPU stays awake for the next packet, in times of what receiving one takes: where that is 1
/// to 2 us these are the 200 us of haltpoll, and a slower machine's peers take longer to answer, too. And
/// in ns at most, as a measurement that the hypervisor interrupted must not make it absurd.
const WINDOW: i64 = 128;
const MAX_WINDOW_NS: i64 = 2_000_000;

/// One measurement's weight in the average is 1 to so many.
const WEIGHT: i64 = 8;

/// The state of one receiver.
pub(crate) struct Idle {
    /// `None`: never.
    threads: Option<Arc<IdleThreads>>,
    /// Whose thread was asked last.
    asked: Option<CpuId>,
    /// When packets came last.
    last: Instant<Monotonic>,
    /// What receiving one takes, in ns.
    cost: i64,
}

impl Idle {
    pub(crate) fn new(threads: Option<Arc<IdleThreads>>) -> Self {
        Self {
            threads,
            asked: None,
            last: Instant::now(),
            cost: 0,
        }
    }

    /// A poll of `napi` that began at `begun` received so many packets, at least one, and found no more.
    /// Who waits for them does so on `cpu`, if anybody does.
    #[inline]
    pub(crate) fn received(
        &mut self,
        napi: NapiId,
        cpu: Option<CpuId>,
        begun: Instant<Monotonic>,
        packets: u32,
    ) {
        let Some(threads) = &self.threads else {
            return;
        };
        let now = Instant::now();
        let cost = (now - begun).as_nanos() / i64::from(packets);
        self.cost += (cost - self.cost) / WEIGHT;
        let window = (WINDOW * self.cost).min(MAX_WINDOW_NS);
        if (begun - self.last).as_nanos() <= window {
            // What the kernel itself answers is best polled for where it is received.
            let cpu = cpu.unwrap_or_else(CpuId::current);
            if let Some(before) = self.asked.replace(cpu).filter(|&before| before != cpu) {
                threads.stop(before, napi);
            }
            threads.poll_for(cpu, napi, Delta::from_nanos(window));
        }
        self.last = begun;
    }

    /// No packets are wanted any more.
    pub(crate) fn stop(&self, napi: NapiId) {
        if let (Some(threads), Some(cpu)) = (&self.threads, self.asked) {
            threads.stop(cpu, napi);
        }
    }
}
