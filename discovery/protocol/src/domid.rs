// SPDX-License-Identifier: GPL-2.0

//! Domain ids.

use core::fmt;

use crate::error::{Field, Kind, SchemaError};
use crate::number;

/// The id of a guest: not dom0's, and none of those Xen reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomId(u16);

impl DomId {
    /// Xen's `DOMID_FIRST_RESERVED`.
    const FIRST_RESERVED: u16 = 0x7ff0;

    /// The guest `raw`, or nothing if no guest can have that id.
    pub const fn new(raw: u16) -> Option<Self> {
        if raw == 0 || raw >= Self::FIRST_RESERVED {
            return None;
        }
        Some(Self(raw))
    }

    /// The id as Xen's interfaces take it.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// Reads a domain id in decimal.
    ///
    /// # Errors
    ///
    /// [`Kind::Syntax`] if it is no number, [`Kind::Range`] if it is not a guest's.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let raw = number::decimal(Field::DomId, text)?;
        let domid = u16::try_from(raw).ok().and_then(Self::new);
        domid.ok_or(Field::DomId.error(Kind::Range))
    }
}

impl fmt::Display for DomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
