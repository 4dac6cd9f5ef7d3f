// SPDX-License-Identifier: GPL-2.0

//! Whether the host has a CPU to spare for one of ours that only waits.
//!
//! Xen tells each virtual CPU for how long it could have run and did not, as another one had the CPU
//! (`RUNSTATE_runnable`); the kernel accounts that as stolen time at each tick and when it leaves the
//! idle loop (`steal_account_process_time` in kernel/sched/cputime.c), and is where a module can read
//! it. A CPU that polls always wants to run, so what it misses is what somebody else used.
//!
//! What a CPU misses that sleeps between packets says little: it is let run soon even where others
//! compute, and how long Xen takes to have it run counts as stolen each time that it is woken,
//! however idle the host is. So what was stolen during a pause is not looked at. Polling is tried
//! again after it, and the length of the pauses bounds what that costs.
//!
//! C header: [`include/linux/kernel_stat.h`](srctree/include/linux/kernel_stat.h)

use crate::bindings;
use kernel::cpu::CpuId;

/// Polling ends when one part in so many of the last two ticks was stolen. With 250 ticks a second
/// that is 2 ms: twice as long as Xen's credit2 lets a virtual CPU run before another may take its
/// place (`ratelimit_us`), a fifth of its time slice. A domain that wakes up to do a little work
/// stays below that; one that computes is above it the first time that it gets the CPU.
const STOP: i64 = 4;

/// The pause, in ns, which doubles each time that polling has to end before it went on for as long as
/// the pause had been. With the longest, polling has little more than two ticks of 1.6 s, half a
/// percent.
const MIN_PAUSE_NS: i64 = 100_000_000;
const MAX_PAUSE_NS: i64 = 1_600_000_000;

/// The time that was stolen from a CPU since it booted, in ns, exact to a tick. Any context.
pub(crate) fn stolen_ns(cpu: CpuId) -> i64 {
    // SAFETY: The callee takes any number; the figure is read as a whole.
    unsafe { bindings::xl_steal_time(cpu.as_u32()) as i64 }
}

/// When something was looked at, and how much had been stolen then, both in ns.
#[derive(Clone, Copy)]
struct Sample {
    at: i64,
    stolen: i64,
}

/// What is known of one CPU.
pub(crate) struct Steal {
    tick: i64,
    /// The last two samples while polling is sensible.
    older: Sample,
    newer: Sample,
    /// When there is something new to look at, or the pause is over.
    next: i64,
    is_sensible: bool,
    /// Since when it is.
    since: i64,
    /// How long the last pause was to be.
    pause: i64,
}

impl Steal {
    /// Nothing is known yet, and polling is sensible.
    pub(crate) fn new() -> Self {
        let never = Sample { at: 0, stolen: 0 };
        Self {
            // SAFETY: Returns a constant.
            tick: unsafe { bindings::xl_tick_ns() } as i64,
            older: never,
            newer: never,
            next: 0,
            is_sensible: true,
            since: 0,
            pause: 0,
        }
    }

    /// Whether polling is sensible at `now`, by the monotonic clock in ns, where `stolen` says how much
    /// has been stolen so far.
    #[inline]
    pub(crate) fn allows_polling(&mut self, now: i64, stolen: impl FnOnce() -> i64) -> bool {
        if now >= self.next {
            let stolen = stolen();
            self.look(Sample { at: now, stolen });
        }
        self.is_sensible
    }

    /// Until when [`Self::allows_polling`] says the same as it has said last: for a tick while polling
    /// is sensible, for a pause otherwise. By the monotonic clock in ns.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    fn look(&mut self, sample: Sample) {
        let elapsed = (sample.at - self.older.at).max(2 * self.tick);
        let stolen = sample.stolen.wrapping_sub(self.older.stolen);
        if self.is_sensible && stolen >= elapsed / STOP {
            self.pause(sample);
            return;
        }
        // What a CPU that was not looked at for long has missed is spread over all that time.
        let is_late = sample.at - self.newer.at > 2 * self.tick;
        self.older = if is_late { sample } else { self.newer };
        self.newer = sample;
        self.next = sample.at + self.tick;
        if !self.is_sensible {
            self.is_sensible = true;
            self.since = sample.at;
        }
    }

    fn pause(&mut self, sample: Sample) {
        let was_short = sample.at - self.since < self.pause;
        let longer = if was_short { 2 * self.pause } else { 0 };
        self.pause = longer.clamp(MIN_PAUSE_NS, MAX_PAUSE_NS);
        self.is_sensible = false;
        self.next = sample.at + self.pause;
    }
}
