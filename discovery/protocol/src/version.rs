// SPDX-License-Identifier: GPL-2.0

//! The versions of the protocol.

use core::fmt;

use crate::error::{Field, Kind, SchemaError};
use crate::number;

/// A version that dom0 speaks. Guests speak the last one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// What dom0 writes for a guest is in the guest's own part of XenStore.
    One = 1,
    /// It is where the guest reads but cannot write.
    Two = 2,
}

impl Version {
    /// Reads the version of an advert.
    ///
    /// # Errors
    ///
    /// [`Kind::Unsupported`] if it is none of these, [`Kind::Syntax`] or [`Kind::Range`] if it is no
    /// number.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        match number::decimal(Field::Version, text)? {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            _ => Err(Field::Version.error(Kind::Unsupported)),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", *self as u32)
    }
}
