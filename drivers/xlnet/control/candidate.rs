// SPDX-License-Identifier: GPL-2.0

//! An address that may take xl0: whose it is, and what leads there.

use crate::control::{account::Account, avoid::Avoid};
use crate::data::{
    dormant::Dormant,
    group::Group,
    sighting::Sighting,
    table::{Entry, Own, To},
};
use core::net::IpAddr;
use kernel::sync::Arc;

/// An address of a peer that dom0 vouches for, or of a former one.
pub(crate) struct Candidate {
    pub(crate) address: IpAddr,
    pub(crate) way: Way,
    pub(crate) account: Arc<Account>,
    pub(crate) own: Arc<Own>,
    pub(crate) sighting: Arc<Sighting>,
}

/// The way to a peer's addresses.
pub(crate) enum Way {
    /// The channel of this group, while it is open.
    Channel(Arc<Group>),
    /// The NIC, to a former peer: routed through xl0, so that what is sent there is told of.
    Dormant(Arc<Dormant>),
}

impl Way {
    pub(crate) fn group(&self) -> Option<&Arc<Group>> {
        match self {
            Self::Channel(group) => Some(group),
            Self::Dormant(_) => None,
        }
    }
}

impl Candidate {
    /// Whether it is of the peer that has the group of this number.
    pub(crate) fn is_of(&self, group: u16) -> bool {
        let own = self.way.group();
        own.is_some_and(|own| own.number() == group)
    }

    /// What the data path is to know of it.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            address: self.address,
            to: match &self.way {
                Way::Channel(group) => To::Group(group.number()),
                Way::Dormant(dormant) => To::WayOut(dormant.clone()),
            },
            own: self.own.clone(),
            sighting: self.sighting.clone(),
        }
    }

    /// Whether the administrator keeps it on the NIC, in both directions.
    pub(crate) fn is_avoided(&self, avoid: &Avoid) -> bool {
        avoid.avoids(self.address, self.sighting.mac())
    }
}
