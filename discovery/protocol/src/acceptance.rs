// SPDX-License-Identifier: GPL-2.0

//! What a guest says of the packets that it takes from the peer, in the user area of its own control
//! page.
//!
//! A packet's source counts only while the network confirms it at the peer's MAC, and a sender must
//! know when it does not, or its packets would vanish. So the receiver publishes which of the peer's
//! addresses it takes packets from, and the sender routes nothing else to it. What is to end is
//! published first, and ended when the sender says that it has seen that.

use core::net::{IpAddr, Ipv6Addr};

use crate::error::{Field, Kind, SchemaError};
use crate::list::List;
use crate::queue_pairs::FurtherQueuePairs;

/// How many of a peer's addresses may be accepted.
pub const MAX_ACCEPTED: usize = 32;

/// Addresses of a peer from which packets are taken.
pub type Accepted = List<IpAddr, MAX_ACCEPTED>;

/// What a guest says. All numbers count modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// Number of the list: another one whenever the addresses are others.
    pub list: u32,
    /// Number of the peer's list that this guest has acted on: it sends nothing any more that was
    /// not accepted there.
    pub seen: u32,
    /// Packets of the peer's that were refused for their addresses.
    pub refused: u32,
    /// The addresses.
    pub addresses: Accepted,
}

/// Words of one address.
const ADDRESS_WORDS: usize = 4;

impl Acceptance {
    /// Words of the user area that hold it: `list`, `seen`, `refused`, the number of addresses, and
    /// the addresses as on the wire, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2).
    pub const WORDS: usize = 4 + ADDRESS_WORDS * MAX_ACCEPTED;

    /// Where in the user area these begin, in words. The word before is their revision: it is odd
    /// while they are being written, and another one after each change.
    pub const OFFSET: usize = Self::REVISION + 1;

    /// Where in the user area the revision is, in words.
    pub const REVISION: usize = FurtherQueuePairs::OFFSET + FurtherQueuePairs::WORDS + 1;

    /// The words.
    pub fn to_words(&self) -> [u32; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        let [list, seen, refused, count, rest @ ..] = &mut words;
        *list = self.list;
        *seen = self.seen;
        *refused = self.refused;
        *count = self.addresses.len() as u32;
        for (words, address) in rest
            .chunks_exact_mut(ADDRESS_WORDS)
            .zip(self.addresses.iter())
        {
            let octets = match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => *v6,
            }
            .octets();
            for (word, bytes) in words.iter_mut().zip(octets.chunks_exact(4)) {
                if let [a, b, c, d] = *bytes {
                    *word = u32::from_le_bytes([a, b, c, d]);
                }
            }
        }
        words
    }

    /// Reads what a peer wrote.
    ///
    /// # Errors
    ///
    /// [`Kind::TooMany`] if it lists more addresses than there may be.
    pub fn parse(words: &[u32; Self::WORDS]) -> Result<Self, SchemaError> {
        let [list, seen, refused, count, rest @ ..] = words;
        let count = *count as usize;
        if count > MAX_ACCEPTED {
            return Err(Field::Addr.error(Kind::TooMany));
        }
        let mut addresses = Accepted::new();
        for words in rest.chunks_exact(ADDRESS_WORDS).take(count) {
            let mut octets = [0; 16];
            for (bytes, word) in octets.chunks_exact_mut(4).zip(words) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            // There is room for `MAX_ACCEPTED`.
            let _ = addresses.push(Ipv6Addr::from(octets).to_canonical());
        }
        Ok(Self {
            list: *list,
            seen: *seen,
            refused: *refused,
            addresses,
        })
    }
}
