// SPDX-License-Identifier: GPL-2.0

//! Where those run who send through a queue pair.
//!
//! Both directions of a flow take one queue pair, so who sends through it is who waits for what it
//! receives. Received on another CPU, a packet costs an interrupt there, an IPI to wake who waits for
//! it, and what both have in their caches. So receiving follows the application, as accelerated RFS
//! has it for hardware (Documentation/networking/scaling.rst).
//!
//! Only what tasks of userspace send says where an application is. What softirqs send, answers of the
//! kernel's and what acknowledgements release, is sent where packets are received.
//!
//! Following is worth something if it lasts. So it looks at no less than 100 ms and 32 packets, and
//! moves to the CPU that most of them came from, by the majority vote of Boyer and Moore, which needs
//! one number however many CPUs there are: three of four packets suffice, and less than half never do.
//! With flows on several CPUs, or a task that the scheduler moves back and forth, nothing moves.

use kapi::time::now_ms;
use kernel::cpu::CpuId;

/// At most one move in this time, and how many packets it takes for one. The clock is read once for
/// as many.
const WINDOW_MS: u64 = 100;
const MIN_PACKETS: u32 = 32;

/// The votes of one queue pair's senders.
pub(crate) struct Senders {
    candidate: Option<CpuId>,
    /// Packets that came from the candidate, less those that came from others.
    votes: u32,
    packets: u32,
    /// When the present window began, in ms.
    begun: u64,
}

impl Senders {
    pub(crate) fn new() -> Self {
        Self {
            candidate: None,
            votes: 0,
            packets: 0,
            begun: 0,
        }
    }

    /// A task on this CPU sends a packet. Returns where most come from, at the end of each window.
    #[inline]
    pub(crate) fn sent(&mut self, cpu: CpuId) -> Option<CpuId> {
        self.packets += 1;
        if self.candidate == Some(cpu) {
            self.votes += 1;
        } else if self.votes == 0 {
            self.candidate = Some(cpu);
            self.votes = 1;
        } else {
            self.votes -= 1;
        }
        if self.packets % MIN_PACKETS != 0 {
            return None;
        }
        self.look(now_ms())
    }

    /// Looks at the votes, if it is time to.
    fn look(&mut self, now: u64) -> Option<CpuId> {
        if now - self.begun < WINDOW_MS {
            return None;
        }
        // If `n` of them came from the candidate there are at least `2 * n - packets` votes for it, and
        // at most `n`.
        let elected = self.candidate.filter(|_| self.votes >= self.packets / 2);
        self.begun = now;
        self.packets = 0;
        self.votes = 0;
        elected
    }
}
