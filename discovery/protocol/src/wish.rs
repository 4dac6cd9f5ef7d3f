// SPDX-License-Identifier: GPL-2.0

//! The wish: a guest tells dom0 to whom it wants channels, and for how many it has room.

use core::fmt;

use crate::addr::Mac;
use crate::error::{Field, Kind, SchemaError};
use crate::list::List;
use crate::number;
use crate::words::Words;

/// How many MACs one guest may wish for.
pub const MAX_WISHES: usize = 64;

/// A guest's wish. Formats as the string that XenStore takes: `room=4 mac=aa:bb:cc:dd:ee:ff …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// For how many channels the guest has room, those that are open included.
    pub room: u16,
    macs: List<Mac, MAX_WISHES>,
}

impl Wish {
    /// A wish for nobody.
    pub const fn new(room: u16) -> Self {
        Self {
            room,
            macs: List::new(),
        }
    }

    /// Wishes for the guest of a MAC as well, less than for those before.
    ///
    /// # Errors
    ///
    /// The wish is then unchanged. [`Kind::Duplicate`] if it is for that MAC already,
    /// [`Kind::TooMany`] if it has no room.
    pub fn push(&mut self, mac: Mac) -> Result<(), SchemaError> {
        if self.macs.iter().any(|wished| *wished == mac) {
            return Err(Field::Wish.error(Kind::Duplicate));
        }
        let pushed = self.macs.push(mac);
        pushed.map_err(|_| Field::Wish.error(Kind::TooMany))
    }

    /// For whom it is, most wanted first.
    pub fn iter(&self) -> impl Iterator<Item = Mac> + '_ {
        self.macs.iter().copied()
    }

    /// Of how many MACs this differs from another wish.
    pub fn distance(&self, other: &Self) -> usize {
        let lacks = |a: &Self, b: &Self| {
            let lacking = |mac: &Mac| b.iter().all(|other| other != *mac);
            a.iter().filter(lacking).count()
        };
        lacks(self, other) + lacks(other, self)
    }

    /// Reads a wish.
    ///
    /// # Errors
    ///
    /// [`Kind::Missing`] or [`Kind::Syntax`] if it does not begin with `room=` and a number, or something else
    /// than `mac=` follows; else as [`Self::push`] and [`Mac::parse`]. One thing wrong and the whole wish is
    /// refused.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let mut words = Words::of(text);
        let room = number::decimal(Field::Wish, words.next(Field::Wish, "room")?)?;
        let room = u16::try_from(room).map_err(|_| Field::Wish.error(Kind::Range))?;
        let mut wish = Self::new(room);
        while let Some(mac) = words.next_if("mac") {
            wish.push(Mac::parse(mac)?)?;
        }
        words.end(Field::Wish)?;
        Ok(wish)
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "room={}", self.room)?;
        self.iter().try_for_each(|mac| write!(f, " mac={mac}"))
    }
}
