// SPDX-License-Identifier: GPL-2.0

//! Which address belongs to which peer: the one table that both directions of the data path look
//! at, as WireGuard's allowed IPs are. Sending selects the peer by it, receiving checks that a
//! packet's source is its sender's.

use crate::data::{dormant::Dormant, sighting::Sighting};
use core::net::IpAddr;
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};
use xlnet_protocol::Addrs;

/// This guest's addresses towards one peer.
pub(crate) struct Own {
    /// Those that dom0 vouches for to the peer.
    vouched: Addrs,
    /// Which of them the peer takes packets from, by their places.
    accepted: Atomic<u32>,
}

impl Own {
    /// Addresses of which the peer takes those that `accepted` tells.
    pub(crate) fn new(vouched: Addrs, accepted: impl Fn(IpAddr) -> bool) -> Self {
        let this = Self {
            vouched,
            accepted: Atomic::new(0),
        };
        this.set_accepted(accepted);
        this
    }

    /// Takes note of which addresses the peer takes packets from. Returns whether that was more before.
    pub(crate) fn set_accepted(&self, accepted: impl Fn(IpAddr) -> bool) -> bool {
        let mask = (0..)
            .zip(self.vouched.iter())
            .filter(|(_, address)| accepted(*address))
            .fold(0u32, |mask, (place, _)| mask | 1 << place);
        self.accepted.xchg(mask, Full) & !mask != 0
    }

    /// Whether dom0 vouches for the address.
    pub(crate) fn vouches(&self, address: IpAddr) -> bool {
        self.vouched.contains(address)
    }

    /// Whether the peer takes packets from `source`. Any context.
    #[inline]
    pub(crate) fn accepts(&self, source: IpAddr) -> bool {
        let accepted = self.accepted.load(Relaxed);
        (0..)
            .zip(self.vouched.iter())
            .any(|(place, address)| address == source && accepted & 1 << place != 0)
    }
}

/// Where packets for an address go.
pub(crate) enum To {
    /// To the peer that has the [group](crate::data::group) of this number.
    Group(u16),
    /// Out through the NIC: there is no channel to the peer, but there was one.
    WayOut(Arc<Dormant>),
}

/// An address of a peer, or of a former one, that dom0 vouches for, or did.
pub(crate) struct Entry {
    pub(crate) address: IpAddr,
    pub(crate) to: To,
    /// Our addresses towards the peer.
    pub(crate) own: Arc<Own>,
    /// What the NIC's link says of the address.
    pub(crate) sighting: Arc<Sighting>,
}

impl Entry {
    /// The peer's group, if it is one that has a group.
    #[inline]
    pub(crate) fn group(&self) -> Option<u16> {
        match self.to {
            To::Group(number) => Some(number),
            To::WayOut(_) => None,
        }
    }

    /// Whether the peer lets in packets from `source`.
    #[inline]
    pub(crate) fn accepts(&self, source: IpAddr) -> bool {
        self.own.accepts(source)
    }
}

/// The table; replaced as a whole when anything changes.
pub(crate) struct Table {
    /// Sorted by [`key`].
    entries: KVVec<Entry>,
    /// This guest's addresses.
    own: KVec<IpAddr>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Self {
            entries: KVVec::new(),
            own: KVec::new(),
        }
    }

    /// Adds an address of a peer. Of two with one address, as a peer and a former one may have, the first
    /// keeps it. Returns whether it was added.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn add(&mut self, entry: Entry) -> Result<bool> {
        let Err(at) = self.position(entry.address) else {
            return Ok(false);
        };
        self.entries.reserve(1, GFP_KERNEL)?;
        let inserted = self.entries.insert_within_capacity(at, entry);
        inserted.map(|()| true).map_err(|_| ENOMEM)
    }

    /// Adds an address of this guest.
    pub(crate) fn add_own(&mut self, address: IpAddr) -> Result {
        Ok(self.own.push(address, GFP_KERNEL)?)
    }

    /// Finds the peer that owns an address.
    #[inline]
    pub(crate) fn find(&self, address: IpAddr) -> Option<&Entry> {
        let found = self.entries.get(self.position(address).ok()?);
        // A peer may well send from a mapped address.
        found.filter(|entry| entry.address == address)
    }

    /// Whether an address is this guest's.
    #[inline]
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
    }

    #[inline]
    fn position(&self, address: IpAddr) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&key(address), |entry| key(entry.address))
    }
}

/// A number for each address; IPv4 is mapped into IPv6 (RFC 4291), where no entry's address is.
#[inline]
fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => 0xffff << 32 | u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}
