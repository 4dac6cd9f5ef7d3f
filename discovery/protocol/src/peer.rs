// SPDX-License-Identifier: GPL-2.0

//! The peer entry: dom0 tells a guest about another.

use core::borrow::Borrow;
use core::fmt;

use crate::addr::{Addrs, Mac};
use crate::advert::Value;
use crate::domid::DomId;
use crate::error::{Field, SchemaError};
use crate::number;
use crate::path::Node;
use crate::words::Words;

/// What dom0 vouches for about a peer.
///
/// Formats as the string that XenStore takes. With `A = &Addrs` it is a view of what somebody else keeps:
/// addresses are long, and a kernel's stack is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerEntry<A = Addrs> {
    /// MAC address of the peer's NIC.
    pub mac: Mac,
    /// The addresses that are the peer's and nobody else's.
    pub addrs: A,
    /// The reader's own addresses that dom0 vouches for to the peer, which refuses packets from
    /// others: what comes from them has to take the NIC.
    pub own: A,
    /// Names this pair of instances; see [`pair_nonce`].
    pub nonce: u64,
}

impl PeerEntry {
    /// Reads a peer entry.
    ///
    /// # Errors
    ///
    /// Names the first field that is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let mut words = Words::of(text);
        let mut entry = Self {
            mac: Mac::parse(words.next(Field::Mac, "mac")?)?,
            nonce: number::hex64(Field::Nonce, words.next(Field::Nonce, "nonce")?)?,
            addrs: Addrs::new(),
            own: Addrs::new(),
        };
        // In place, as they are long.
        for (name, addrs) in [(ADDR, &mut entry.addrs), (OWN, &mut entry.own)] {
            while let Some(text) = words.next_if(name) {
                addrs.push_text(text)?;
            }
        }
        words.end(Field::Peer)?;
        Ok(entry)
    }

    /// A view of the entry.
    pub const fn by_ref(&self) -> PeerEntry<&Addrs> {
        PeerEntry {
            mac: self.mac,
            addrs: &self.addrs,
            own: &self.own,
            nonce: self.nonce,
        }
    }
}

impl PeerEntry<&Addrs> {
    /// The entry that this is a view of.
    pub const fn copied(&self) -> PeerEntry {
        PeerEntry {
            mac: self.mac,
            addrs: *self.addrs,
            own: *self.own,
            nonce: self.nonce,
        }
    }
}

impl<A: Borrow<Addrs>> PeerEntry<A> {
    /// The nodes to write for `peer` in version 1, which has one for each field, and their values. The nonce
    /// is the last, so that a reader who finds it finds the others too.
    pub fn nodes_of_version1(&self, peer: DomId) -> [(Node, Value<'_>); 4] {
        [
            (Node::PeerMac(peer), Value::Mac(self.mac)),
            (Node::PeerAddr(peer), Value::Addrs(self.addrs.borrow())),
            (Node::PeerOwn(peer), Value::Addrs(self.own.borrow())),
            (Node::PeerNonce(peer), Value::Hex64(self.nonce)),
        ]
    }
}

const ADDR: &str = "addr";
const OWN: &str = "own";

impl<A: Borrow<Addrs>> fmt::Display for PeerEntry<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mac={} nonce={:016x}", self.mac, self.nonce)?;
        for (name, addrs) in [(ADDR, self.addrs.borrow()), (OWN, self.own.borrow())] {
            for addr in addrs.iter() {
                write!(f, " {name}={addr}")?;
            }
        }
        Ok(())
    }
}

/// The nonce of two guests, each given by its domain and the instance it advertises. Both orders
/// give the same.
///
/// It is computed rather than drawn, so that a dom0 module which was reloaded gives running
/// channels the nonce they have. It is fresh because instances are: no two lives of a guest share
/// one. It is no secret between the two, and whoever could choose an instance that brings an old
/// nonce back would fool nobody but itself: its peer would go on ignoring the offers it has seen.
pub fn pair_nonce(a: (DomId, u64), b: (DomId, u64)) -> u64 {
    let (low, high) = if a.0 < b.0 { (a, b) } else { (b, a) };
    let mut nonce = 0;
    for word in [
        u64::from(low.0.raw()),
        low.1,
        u64::from(high.0.raw()),
        high.1,
    ] {
        nonce = mix(nonce ^ word);
    }
    nonce
}

/// The finaliser of splitmix64: a bijection in which every input bit moves about half the output.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
