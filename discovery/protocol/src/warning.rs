// SPDX-License-Identifier: GPL-2.0

//! What is wrong with what guests claim.

use core::fmt;
use core::net::IpAddr;

use crate::addr::Mac;
use crate::domid::DomId;
use crate::error::SchemaError;

/// Something an administrator should know. Formats as the line to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The guest's advert was refused; it takes no part.
    BadAdvert {
        /// The guest.
        guest: DomId,
        /// What is wrong.
        error: SchemaError,
    },
    /// The guest advertises a MAC that is none of its vifs'; it takes no part.
    ForeignMac {
        /// The guest.
        guest: DomId,
        /// The MAC.
        mac: Mac,
    },
    /// Two vifs on one segment have the same MAC, the guests that advertise it take no part. Both
    /// ids are equal if the vifs are one guest's.
    DuplicateMac {
        /// The guests.
        guests: [DomId; 2],
        /// The MAC.
        mac: Mac,
    },
    /// The guest advertises an address that its vif's `ip=` does not list; dom0 does not vouch for
    /// it.
    NotPermitted {
        /// The guest.
        guest: DomId,
        /// The address.
        addr: IpAddr,
    },
    /// Two guests on one segment advertise the same address; dom0 vouches for it in neither.
    AddressConflict {
        /// The guests.
        guests: [DomId; 2],
        /// The address.
        addr: IpAddr,
    },
}

impl Warning {
    /// The guests it is about: one of them twice, or two, in the order of their ids.
    pub const fn guests(&self) -> [DomId; 2] {
        match *self {
            Self::BadAdvert { guest, .. }
            | Self::ForeignMac { guest, .. }
            | Self::NotPermitted { guest, .. } => [guest, guest],
            Self::DuplicateMac { guests, .. } | Self::AddressConflict { guests, .. } => guests,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::BadAdvert { guest, error } => {
                write!(f, "guest {guest}: advert ignored, {error}")
            }
            Warning::ForeignMac { guest, mac } => {
                write!(
                    f,
                    "guest {guest}: advert ignored, none of its vifs has MAC {mac}"
                )
            }
            Warning::DuplicateMac {
                guests: [a, b],
                mac,
            } => {
                write!(
                    f,
                    "guests {a} and {b}: adverts ignored, both have MAC {mac}"
                )
            }
            Warning::NotPermitted { guest, addr } => {
                write!(
                    f,
                    "guest {guest}: address {addr} ignored, its vif's ip= does not list it"
                )
            }
            Warning::AddressConflict {
                guests: [a, b],
                addr,
            } => {
                write!(
                    f,
                    "guests {a} and {b}: both claim address {addr}, neither gets it"
                )
            }
        }
    }
}
