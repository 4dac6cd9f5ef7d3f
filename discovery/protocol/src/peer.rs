// SPDX-License-Identifier: GPL-2.0

//! The peer entry: dom0 tells a guest about another.

use crate::addr::{Addrs, Mac};
use crate::advert::{present, Value};
use crate::domid::DomId;
use crate::error::{Field, SchemaError};
use crate::number;
use crate::path::Node;

/// What dom0 vouches for about a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerEntry {
    /// MAC address of the peer's NIC.
    pub mac: Mac,
    /// The addresses that are the peer's and nobody else's.
    pub addrs: Addrs,
    /// The reader's own addresses that dom0 vouches for to the peer, which refuses packets from
    /// others: what comes from them has to take the NIC.
    pub own: Addrs,
    /// Names this pair of instances; see [`pair_nonce`].
    pub nonce: u64,
}

/// The nodes of a peer entry, as read from XenStore; `None` for one that is not there.
///
/// Without a nonce there is no entry: dom0 writes it last and removes it first.
#[derive(Clone, Copy, Debug)]
pub struct PeerText<'a> {
    /// [`Node::PeerMac`].
    pub mac: Option<&'a str>,
    /// [`Node::PeerAddr`].
    pub addr: Option<&'a str>,
    /// [`Node::PeerOwn`].
    pub own: Option<&'a str>,
    /// [`Node::PeerNonce`].
    pub nonce: &'a str,
}

impl PeerEntry {
    /// Reads a peer entry.
    ///
    /// # Errors
    ///
    /// Names the first node that is missing or malformed.
    pub fn parse(text: &PeerText<'_>) -> Result<Self, SchemaError> {
        Ok(Self {
            mac: Mac::parse(present(Field::Mac, text.mac)?)?,
            addrs: Addrs::parse(present(Field::Addr, text.addr)?)?,
            own: Addrs::parse(present(Field::Addr, text.own)?)?,
            nonce: number::hex64(Field::Nonce, text.nonce)?,
        })
    }

    /// The nodes to write for `peer` and their values, in the order in which to write them: the
    /// nonce is the last, so that a reader who finds it finds the others too.
    pub fn nodes(&self, peer: DomId) -> [(Node, Value<'_>); 4] {
        [
            (Node::PeerMac(peer), Value::Mac(self.mac)),
            (Node::PeerAddr(peer), Value::Addrs(&self.addrs)),
            (Node::PeerOwn(peer), Value::Addrs(&self.own)),
            (Node::PeerNonce(peer), Value::Hex64(self.nonce)),
        ]
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
