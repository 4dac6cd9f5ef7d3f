// SPDX-License-Identifier: GPL-2.0

//! Where the schema lives in XenStore.

use core::fmt;

use crate::domid::DomId;

/// A node of one guest's part of the schema. Formats as the path that XenStore takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Whose part.
    pub tree: Tree,
    /// Which node.
    pub node: Node,
}

/// One guest's part of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// The reader's own: `data/xlnet`, relative as guests write it.
    Own,
    /// A guest's, as dom0 sees it: `/local/domain/<G>/data/xlnet`.
    Of(DomId),
}

/// A node below `data/xlnet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// `data/xlnet` itself.
    Root,
    /// `version`: of the advert, written last.
    Version,
    /// `features`: of the advert.
    Features,
    /// `instance`: of the advert.
    Instance,
    /// `mac`: of the advert.
    Mac,
    /// `addr`: of the advert.
    Addr,
    /// `offer`: the directory of the guest's offers.
    Offers,
    /// `offer/<P>`: the guest's offer to P.
    Offer(DomId),
    /// `peer`: the directory of what dom0 tells the guest.
    Peers,
    /// `peer/<P>`: what dom0 tells the guest about P.
    Peer(DomId),
    /// `peer/<P>/mac`: MAC address of P's NIC.
    PeerMac(DomId),
    /// `peer/<P>/addr`: the addresses dom0 vouches for.
    PeerAddr(DomId),
    /// `peer/<P>/own`: the guest's own addresses, of those dom0 vouches for to P.
    PeerOwn(DomId),
    /// `peer/<P>/nonce`: of this pair of instances.
    PeerNonce(DomId),
    /// `peer/<P>/offer`: P's offer to the guest.
    PeerOffer(DomId),
}

const OWN: &str = "data/xlnet";
const DOMAINS: &str = "/local/domain/";

impl Path {
    /// `node` in the reader's own part.
    pub const fn own(node: Node) -> Self {
        Self {
            tree: Tree::Own,
            node,
        }
    }

    /// `node` in the part of `guest`.
    pub const fn of(guest: DomId, node: Node) -> Self {
        Self {
            tree: Tree::Of(guest),
            node,
        }
    }

    /// Reads a path, as a watch reports it. `None` if it is no node of the schema.
    pub fn parse(text: &str) -> Option<Self> {
        let (tree, below) = match text.strip_prefix(DOMAINS) {
            Some(rest) => {
                let (guest, below) = rest.split_once('/')?;
                (Tree::Of(DomId::parse(guest).ok()?), below)
            }
            None => (Tree::Own, text),
        };
        let node = match below.strip_prefix(OWN)? {
            "" => Node::Root,
            rest => Node::parse(rest.strip_prefix('/')?)?,
        };
        Some(Self { tree, node })
    }
}

impl Node {
    /// Reads what follows `data/xlnet/`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        let guest = |text| DomId::parse(text).ok();
        Some(match parts {
            [Some("version"), None, ..] => Node::Version,
            [Some("features"), None, ..] => Node::Features,
            [Some("instance"), None, ..] => Node::Instance,
            [Some("mac"), None, ..] => Node::Mac,
            [Some("addr"), None, ..] => Node::Addr,
            [Some("offer"), None, ..] => Node::Offers,
            [Some("offer"), Some(to), None, _] => Node::Offer(guest(to)?),
            [Some("peer"), None, ..] => Node::Peers,
            [Some("peer"), Some(peer), None, _] => Node::Peer(guest(peer)?),
            [Some("peer"), Some(peer), Some("mac"), None] => Node::PeerMac(guest(peer)?),
            [Some("peer"), Some(peer), Some("addr"), None] => Node::PeerAddr(guest(peer)?),
            [Some("peer"), Some(peer), Some("own"), None] => Node::PeerOwn(guest(peer)?),
            [Some("peer"), Some(peer), Some("nonce"), None] => Node::PeerNonce(guest(peer)?),
            [Some("peer"), Some(peer), Some("offer"), None] => Node::PeerOffer(guest(peer)?),
            _ => return None,
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tree {
            Tree::Own => f.write_str(OWN)?,
            Tree::Of(guest) => write!(f, "{DOMAINS}{guest}/{OWN}")?,
        }
        match self.node {
            Node::Root => Ok(()),
            Node::Version => f.write_str("/version"),
            Node::Features => f.write_str("/features"),
            Node::Instance => f.write_str("/instance"),
            Node::Mac => f.write_str("/mac"),
            Node::Addr => f.write_str("/addr"),
            Node::Offers => f.write_str("/offer"),
            Node::Offer(to) => write!(f, "/offer/{to}"),
            Node::Peers => f.write_str("/peer"),
            Node::Peer(peer) => write!(f, "/peer/{peer}"),
            Node::PeerMac(peer) => write!(f, "/peer/{peer}/mac"),
            Node::PeerAddr(peer) => write!(f, "/peer/{peer}/addr"),
            Node::PeerOwn(peer) => write!(f, "/peer/{peer}/own"),
            Node::PeerNonce(peer) => write!(f, "/peer/{peer}/nonce"),
            Node::PeerOffer(peer) => write!(f, "/peer/{peer}/offer"),
        }
    }
}
