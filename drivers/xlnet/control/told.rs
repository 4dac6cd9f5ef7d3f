// SPDX-License-Identifier: GPL-2.0

//! What dom0 told, as far as it was not read yet.

use kernel::prelude::*;
use xlnet_protocol::{DomId, Node};

/// What dom0 told since the last pass. Reading XenStore takes milliseconds, so only what changed is
/// read.
pub(crate) struct Told {
    /// Anything may have changed.
    pub(crate) all: bool,
    /// The entries of these peers did.
    pub(crate) entries: KVec<DomId>,
    /// The offers of these peers did.
    pub(crate) offers: KVec<DomId>,
}

impl Told {
    pub(crate) const fn new(all: bool) -> Self {
        Self {
            all,
            entries: KVec::new(),
            offers: KVec::new(),
        }
    }

    /// Takes note of a change of `node`.
    pub(crate) fn note(&mut self, node: Node) {
        let noted = match node {
            Node::Peer(peer) => note(&mut self.entries, peer),
            Node::PeerOffer(peer) => note(&mut self.offers, peer),
            // The directory, or all above it.
            _ => Err(ENOENT),
        };
        self.all |= noted.is_err();
    }
}

fn note(peers: &mut KVec<DomId>, peer: DomId) -> Result {
    if !peers.contains(&peer) {
        peers.push(peer, GFP_KERNEL)?;
    }
    Ok(())
}
