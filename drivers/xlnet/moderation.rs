// SPDX-License-Identifier: GPL-2.0

//! When to be told of the next packets: at once, or of many together.
//!
//! An event costs the sender a hypercall and us an interrupt. For a single packet that is the
//! price of its arriving at once; for packets that come faster than a CPU can receive one and
//! sleep again, it is a tax on each. So a receiver that finds itself busy tries what happens if it
//! looks only once in the time of some packets. It goes on with that while as many packets come as
//! did before, and stops when fewer come, because then the sender waits for what it sent to be
//! answered: a delay that costs throughput is a latency somebody feels. The less often the attempt
//! succeeds, the rarer it becomes.

use kernel::time::{Delta, Instant, Monotonic};

/// Packets that are to come together.
const BATCH: i64 = 12;

/// No packet waits longer than this, in ns.
const MAX_DELAY: i64 = 8_000_000;

/// Times the ring was found empty between two attempts, at least and at most.
const MIN_PATIENCE: u32 = 32;
const MAX_PATIENCE: u32 = 4096;

/// The state of one receiver.
pub(crate) struct Moderation {
    /// When the present stretch of measuring began.
    begun: Instant<Monotonic>,
    /// Packets, and the time in ns that receiving them took, since then.
    packets: i64,
    busy: i64,
    /// Until when `busy` has counted.
    counted: Instant<Monotonic>,
    /// Times the ring was found empty since then.
    rounds: u32,
    patience: u32,
    /// ns per packet as measured while each was told of, if packets are waited for now.
    gap: Option<i64>,
}

impl Moderation {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            packets: 0,
            busy: 0,
            counted: now,
            rounds: 0,
            patience: MIN_PATIENCE,
            gap: None,
        }
    }

    /// A poll begins.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.counted = Instant::now();
    }

    /// The ring is empty after `packets` more. Returns for how long not to be told of others;
    /// `None`: tell at once.
    #[inline]
    pub(crate) fn next(&mut self, packets: u32) -> Option<Delta> {
        let now = Instant::now();
        self.packets += i64::from(packets);
        self.busy += (now - self.counted).as_nanos();
        self.counted = now;
        self.rounds += 1;
        let elapsed = (now - self.begun).as_nanos();
        match self.gap {
            None if self.rounds < self.patience => None,
            None => {
                let gap = elapsed / self.packets.max(1);
                let is_busy = self.busy >= elapsed / 8;
                self.restart(now);
                self.gap = (is_busy && gap * BATCH <= MAX_DELAY).then_some(gap);
                self.delay(0)
            }
            // Something else made us look before it was time.
            Some(gap) if elapsed < gap * BATCH * 3 / 4 => self.delay(elapsed),
            Some(gap) => {
                let keeps_up = self.packets * gap >= elapsed * 3 / 4;
                self.restart(now);
                if keeps_up {
                    self.patience = MIN_PATIENCE;
                } else {
                    self.patience = (self.patience * 2).min(MAX_PATIENCE);
                    self.gap = None;
                }
                self.delay(0)
            }
        }
    }

    #[inline]
    fn delay(&self, elapsed: i64) -> Option<Delta> {
        self.gap.map(|gap| Delta::from_nanos(gap * BATCH - elapsed))
    }

    fn restart(&mut self, now: Instant<Monotonic>) {
        self.begun = now;
        self.packets = 0;
        self.busy = 0;
        self.rounds = 0;
    }
}
