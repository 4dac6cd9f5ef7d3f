// SPDX-License-Identifier: GPL-2.0

//! Why two guests have no channel.

use core::fmt;

use crate::domid::DomId;

/// Why two guests do not meet. Formats as the clause that the log gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// At least one of them takes no part; or they are one.
    NotBoth,
    /// Their vifs are in different broadcast domains.
    Segment,
    /// Both bridge ports are isolated.
    Isolated,
    /// They are of different groups.
    Group,
    /// They speak different versions of the protocol.
    Version,
    /// Neither asks for the other: they do not talk.
    Unasked,
    /// This one has no room for another channel.
    NoRoom(DomId),
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBoth => "they do not both take part",
            Self::Segment => "they are on different bridges or VLANs",
            Self::Isolated => "both bridge ports are isolated",
            Self::Group => "they are of different groups",
            Self::Version => "they speak different versions of the protocol",
            Self::Unasked => "they do not talk",
            Self::NoRoom(guest) => {
                return write!(f, "guest {guest} has no room for another channel")
            }
        })
    }
}
