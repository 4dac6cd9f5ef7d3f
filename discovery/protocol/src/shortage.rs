// SPDX-License-Identifier: GPL-2.0

//! For how many channels a guest says that it has room: fewer than it might have, after grants or memory did not
//! suffice, and then one more after the other.

/// The first pause before there is said to be room for one more, in milliseconds; it doubles as long as there
/// is not.
const PAUSE_MIN_MS: u64 = 5_000;
/// The longest pause, in milliseconds.
const PAUSE_MAX_MS: u64 = 300_000;

/// The room that a guest has.
#[derive(Clone, Copy, Debug)]
pub struct Shortage {
    most: u16,
    room: u16,
    pause: u64,
    again_at: u64,
    /// There was said to be room for one more since the last shortage.
    raised: bool,
}

impl Shortage {
    /// No shortage: there is room for `most` channels.
    pub const fn none(most: u16) -> Self {
        Self {
            most,
            room: most,
            pause: PAUSE_MIN_MS,
            again_at: 0,
            raised: false,
        }
    }

    /// For how many channels there is room.
    pub const fn room(&self) -> u16 {
        self.room
    }

    /// There were no grants, or no memory, for another channel beside the `open` ones.
    pub fn found(&mut self, open: u16, now: u64) {
        if open >= self.room {
            return;
        }
        if self.raised {
            self.pause = (2 * self.pause).min(PAUSE_MAX_MS);
        }
        self.room = open;
        self.raised = false;
        self.again_at = now + self.pause;
    }

    /// What there was not enough of may be there now.
    pub fn forget(&mut self) {
        *self = Self::none(self.most);
    }

    /// Lets time pass; `open` channels are open.
    pub fn tick(&mut self, open: u16, now: u64) {
        if self.room == self.most || now < self.again_at {
            return;
        }
        if self.raised {
            // What there was said to be room for was there, or nobody asked for it.
            let taken = open >= self.room;
            let pause = if taken { 0 } else { self.pause / 2 };
            self.pause = pause.max(PAUSE_MIN_MS);
        }
        self.room += 1;
        self.raised = true;
        self.again_at = now + self.pause;
    }

    /// When to look again, in milliseconds.
    pub fn next(&self) -> Option<u64> {
        (self.room < self.most).then_some(self.again_at)
    }
}
