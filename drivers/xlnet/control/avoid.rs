// SPDX-License-Identifier: GPL-2.0

//! The switch: peers that the administrator keeps on the NIC.

use crate::data::bell::Bell;
use core::net::IpAddr;
use kapi::{
    avoid::Setting,
    sync::{Contents, RcuBox},
};
use kernel::{prelude::*, sync::rcu};
use xlnet_protocol::Mac;

/// Which peers stay on the NIC.
pub(crate) struct Avoid {
    list: RcuBox<KVec<Entry>>,
    bell: Bell,
}

enum Entry {
    All,
    Address(IpAddr),
    Mac(Mac),
}

impl Entry {
    fn parse(word: &str) -> Result<Self> {
        if word == "all" {
            return Ok(Self::All);
        }
        let address = word.parse().map(Self::Address);
        address
            .or_else(|_| Mac::parse(word).map(Self::Mac))
            .map_err(|_| EINVAL)
    }
}

impl Avoid {
    /// A switch that keeps nobody on the NIC. `bell` is rung when that changes. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(bell: Bell) -> Result<Self> {
        Ok(Self {
            list: RcuBox::new(Contents::new(KVec::new())?),
            bell,
        })
    }

    /// Whether `address` of the peer whose MAC is `mac` stays on the NIC. Any context.
    pub(crate) fn avoids(&self, address: IpAddr, mac: [u8; 6]) -> bool {
        let guard = rcu::read_lock();
        self.list.read(&guard).iter().any(|entry| match entry {
            Entry::All => true,
            Entry::Address(avoided) => *avoided == address,
            Entry::Mac(avoided) => avoided.octets() == mac,
        })
    }
}

impl Setting for Avoid {
    /// A list, separated by commas, of addresses and MACs, or `all`; an empty one keeps nobody.
    fn set(&self, value: &str) -> Result {
        let mut list = KVec::new();
        for word in value.split(',').map(str::trim) {
            if !value.is_empty() {
                list.push(Entry::parse(word)?, GFP_KERNEL)?;
            }
        }
        self.list.replace(Contents::new(list)?);
        self.bell.heard();
        Ok(())
    }
}
