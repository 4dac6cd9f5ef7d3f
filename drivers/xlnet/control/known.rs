// SPDX-License-Identifier: GPL-2.0

//! An address of a peer's, and what is known of it for longer than dom0 tells of the peer.

use crate::data::sighting::{Sighting, Verdict};
use core::net::IpAddr;
use kernel::{prelude::*, sync::Arc};

/// An address of the peer.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) address: IpAddr,
    pub(crate) sighting: Arc<Sighting>,
}

impl Known {
    /// One of which nothing is known yet, at the peer's MAC.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(address: IpAddr, mac: [u8; 6]) -> Result<Self> {
        Ok(Self {
            address,
            sighting: Arc::new(Sighting::new(mac), GFP_KERNEL)?,
        })
    }

    /// Whether the link shows it at another MAC.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.sighting.last().verdict == Verdict::Contradicted
    }

    /// Whether it is this address, at this MAC.
    pub(crate) fn is(&self, address: IpAddr, mac: [u8; 6]) -> bool {
        self.address == address && self.sighting.mac() == mac
    }
}
