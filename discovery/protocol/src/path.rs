// SPDX-License-Identifier: GPL-2.0

//! Where the schema lives in XenStore.
//!
//! What a guest writes is below `data/xlnet`, in the part that the toolstack makes the guest's own. What
//! dom0 writes for it is below `xlnet`, which the guest can read and nothing else, and which is on
//! dom0's quota.

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
    /// The reader's own, relative as guests write it.
    Own,
    /// A guest's, as dom0 sees it: below `/local/domain/<G>`.
    Of(DomId),
    /// The same of a guest of version 1, which is told below `data/xlnet` too.
    OfVersion1(DomId),
}

/// A node of one guest's part.
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
    /// `wish`: to whom the guest wants channels, see [`crate::Wish`].
    Wish,
    /// `offer`: the directory of the guest's offers.
    Offers,
    /// `offer/<P>`: the guest's offer to P.
    Offer(DomId),
    /// `traffic/<P>`: what the guest exchanged with P, see [`crate::Traffic`].
    Traffic(DomId),
    /// `xlnet`: the directory of what dom0 tells the guest.
    Told,
    /// `why`: why the guest meets nobody, in words.
    Why,
    /// `peer`: the directory of the guest's peers.
    Peers,
    /// `peer/<P>`: what dom0 tells the guest about P.
    Peer(DomId),
    /// `peer/<P>/offer`: P's offer to the guest.
    PeerOffer(DomId),
    /// `peer/<P>/mac`: MAC address of P's NIC. This and the next three are of version 1 only.
    PeerMac(DomId),
    /// `peer/<P>/addr`: the addresses dom0 vouches for.
    PeerAddr(DomId),
    /// `peer/<P>/own`: the guest's own addresses, of those dom0 vouches for to P.
    PeerOwn(DomId),
    /// `peer/<P>/nonce`: of this pair of instances.
    PeerNonce(DomId),
}

const GUESTS: &str = "data/xlnet";
const DOM0S: &str = "xlnet";
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

    /// Reads a path of the present version, as a watch reports it. `None` if it is no node of the schema.
    pub fn parse(text: &str) -> Option<Self> {
        let (tree, below) = match text.strip_prefix(DOMAINS) {
            Some(rest) => {
                let (guest, below) = rest.split_once('/')?;
                (Tree::Of(DomId::parse(guest).ok()?), below)
            }
            None => (Tree::Own, text),
        };
        let node = match (below.strip_prefix(GUESTS), below.strip_prefix(DOM0S)) {
            (Some(""), _) => Node::Root,
            (None, Some("")) => Node::Told,
            (Some(rest), _) | (None, Some(rest)) => Node::parse(rest.strip_prefix('/')?)?,
            (None, None) => return None,
        };
        let path = Self { tree, node };
        below.starts_with(path.base()).then_some(path)
    }

    /// What the node is below of.
    const fn base(&self) -> &'static str {
        match (self.tree, self.node.is_dom0s()) {
            (Tree::Own | Tree::Of(_), true) => DOM0S,
            (Tree::OfVersion1(_), _) | (_, false) => GUESTS,
        }
    }
}

impl Node {
    /// Whether dom0 writes it.
    const fn is_dom0s(self) -> bool {
        match self {
            Self::Root
            | Self::Version
            | Self::Features
            | Self::Instance
            | Self::Mac
            | Self::Addr
            | Self::Wish
            | Self::Offers
            | Self::Offer(_)
            | Self::Traffic(_) => false,
            Self::Told
            | Self::Why
            | Self::Peers
            | Self::Peer(_)
            | Self::PeerMac(_)
            | Self::PeerAddr(_)
            | Self::PeerOwn(_)
            | Self::PeerNonce(_)
            | Self::PeerOffer(_) => true,
        }
    }

    /// Reads what follows the base.
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
            [Some("wish"), None, ..] => Node::Wish,
            [Some("offer"), None, ..] => Node::Offers,
            [Some("offer"), Some(to), None, _] => Node::Offer(guest(to)?),
            [Some("traffic"), Some(peer), None, _] => Node::Traffic(guest(peer)?),
            [Some("why"), None, ..] => Node::Why,
            [Some("peer"), None, ..] => Node::Peers,
            [Some("peer"), Some(peer), None, _] => Node::Peer(guest(peer)?),
            [Some("peer"), Some(peer), Some("offer"), None] => Node::PeerOffer(guest(peer)?),
            _ => return None,
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Tree::Of(guest) | Tree::OfVersion1(guest) = self.tree {
            write!(f, "{DOMAINS}{guest}/")?;
        }
        f.write_str(self.base())?;
        match self.node {
            Node::Root | Node::Told => Ok(()),
            Node::Why => f.write_str("/why"),
            Node::Version => f.write_str("/version"),
            Node::Features => f.write_str("/features"),
            Node::Instance => f.write_str("/instance"),
            Node::Mac => f.write_str("/mac"),
            Node::Addr => f.write_str("/addr"),
            Node::Wish => f.write_str("/wish"),
            Node::Offers => f.write_str("/offer"),
            Node::Offer(to) => write!(f, "/offer/{to}"),
            Node::Traffic(peer) => write!(f, "/traffic/{peer}"),
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
