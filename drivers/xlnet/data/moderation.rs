// SPDX-License-Identifier: GPL-2.0

//! When to be told of the next packets: at once, or of many together.
//!
//! An event costs the sender a hypercall and us an interrupt. For a single packet that is the
//! price of its arriving at once; for packets in quick succession it is a tax on each. So a
//! receiver tries what happens if it looks only once in the time of two packets, then of four, and
//! so on. It goes on with that while as many packets come as did before, and turns back when fewer
//! come, because then the sender waits for what it sent to be answered: a delay that costs
//! throughput is a latency somebody feels. The more often it had to turn back, the rarer it tries.
//!
//! How long a delay may be at most follows from what receiving costs on this machine, so packets
//! that keep nobody busy are never delayed.

use kernel::time::{Delta, Instant, Monotonic};

/// At most so many packets are expected to come together, of at most so many bytes: a socket whose
/// owner had no time to run in between must have room for them.
const MAX_BATCH: i64 = 16;
const MAX_BATCH_BYTES: i64 = 128 * 1024;

/// The longest delay, in times of what receiving one packet takes, and in ns: a measurement that
/// the hypervisor interrupted must not make it absurd.
const MAX_DELAY: i64 = 100;
const MAX_DELAY_NS: i64 = 4_000_000;

/// How long each delay is tried before it is judged, in packets.
const WINDOW: i64 = 32;

/// Rounds without a delay before the next attempt, at least and at most.
const MIN_PATIENCE: u32 = 32;
const MAX_PATIENCE: u32 = 4096;

/// The state of one receiver.
pub(crate) struct Moderation {
    /// When the present stretch of measuring began.
    begun: Instant<Monotonic>,
    /// Packets, their bytes, and the time in ns that receiving them took, since then.
    packets: i64,
    bytes: i64,
    busy: i64,
    /// Until when `busy` has counted in this poll, which received something then.
    counted: Option<Instant<Monotonic>>,
    /// Packets expected to come together; 1: each is told of.
    batch: i64,
    /// Time between packets in ns, while each was told of or, if that was less, since.
    gap: i64,
    /// What receiving one took then, in ns.
    cost: i64,
    /// Bytes of a packet then.
    len: i64,
    /// Times the ring was found empty without a delay, and how many it takes for an attempt.
    rounds: u32,
    patience: u32,
}

impl Moderation {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            packets: 0,
            bytes: 0,
            busy: 0,
            counted: None,
            batch: 1,
            gap: 0,
            cost: 0,
            len: 0,
            rounds: 0,
            patience: MIN_PATIENCE,
        }
    }

    /// A poll begins.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.counted = None;
    }

    /// It has something to receive. Returns the time.
    #[inline]
    pub(crate) fn first(&mut self) -> Instant<Monotonic> {
        let now = Instant::now();
        self.counted = Some(now);
        now
    }

    /// A packet of `len` bytes was received.
    #[inline]
    pub(crate) fn count(&mut self, len: u32) {
        self.packets += 1;
        self.bytes += i64::from(len);
    }

    /// The ring is empty. Returns for how long not to be told of more; `None`: tell at once.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Delta> {
        let now = Instant::now();
        if let Some(counted) = &mut self.counted {
            self.busy += (now - *counted).as_nanos();
            *counted = now;
        }
        let elapsed = (now - self.begun).as_nanos();
        if self.batch == 1 {
            self.rounds += 1;
            if self.rounds >= self.patience {
                let packets = self.packets.max(1);
                self.gap = elapsed / packets;
                self.cost = self.busy / packets;
                self.len = self.bytes / packets;
                self.grow();
                self.restart(now);
            }
        } else if elapsed >= self.gap * WINDOW {
            if self.packets == 0 {
                // It is over, which says nothing about the delay.
                self.batch = 1;
            } else if self.packets * self.gap >= elapsed * 3 / 4 {
                self.patience = MIN_PATIENCE;
                // Of more packets than before none may wait longer for that.
                self.gap = self.gap.min(elapsed / self.packets);
                self.grow();
            } else {
                self.patience = (self.patience * 2).min(MAX_PATIENCE);
                self.batch /= 2;
            }
            self.restart(now);
        }
        (self.batch > 1).then(|| Delta::from_nanos(self.gap * self.batch))
    }

    /// Tries a longer delay, if that is sensible.
    fn grow(&mut self) {
        let batch = self.batch * 2;
        let is_short = batch * self.gap <= MAX_DELAY_NS.min(MAX_DELAY * self.cost);
        let is_small = batch <= MAX_BATCH && batch * self.len <= MAX_BATCH_BYTES;
        if is_short && is_small {
            self.batch = batch;
        }
    }

    fn restart(&mut self, now: Instant<Monotonic>) {
        self.begun = now;
        self.packets = 0;
        self.bytes = 0;
        self.busy = 0;
        self.rounds = 0;
    }
}
