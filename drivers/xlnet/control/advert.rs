// SPDX-License-Identifier: GPL-2.0

//! What this guest tells dom0 of itself, and where dom0 tells it of its peers.

use kapi::xen::xenbus;
use kernel::prelude::*;
use xlnet_protocol::{Advert, DomId, Node, Offer, Path, PeerEntry, Traffic, Wish};

/// Where dom0 tells of the peers.
pub(crate) const PEERS: Path = Path::own(Node::Peers);

/// Reads the guest's own domain id.
///
/// # Errors
///
/// `ENODEV` if XenStore does not say it.
pub(crate) fn own_domid() -> Result<DomId> {
    let text = xenbus::read(fmt!("domid"))?.ok_or(ENODEV)?;
    DomId::parse(&text).map_err(|_| ENODEV)
}

/// Writes the advert.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn write(advert: &Advert) -> Result {
    // In this order: whoever finds the last node finds them all.
    for (node, value) in advert.nodes() {
        let path = Path::own(node);
        xenbus::write(format_args!("{path}"), format_args!("{value}"))?;
    }
    Ok(())
}

/// Removes the advert, and all that was offered under it.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn remove() -> Result {
    xenbus::remove(format_args!("{}", Path::own(Node::Root)))
}

/// Writes to whom channels are wanted.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn write_wish(wish: &Wish) -> Result {
    let path = Path::own(Node::Wish);
    xenbus::write(format_args!("{path}"), format_args!("{wish}"))
}

/// Writes the offer to `peer`.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn write_offer(peer: DomId, offer: &Offer) -> Result {
    let path = Path::own(Node::Offer(peer));
    xenbus::write(format_args!("{path}"), format_args!("{offer}"))
}

/// Removes the offer to `peer`.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn remove_offer(peer: DomId) -> Result {
    xenbus::remove(format_args!("{}", Path::own(Node::Offer(peer))))
}

/// Writes what was exchanged with `peer`.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn write_traffic(peer: DomId, traffic: Traffic) -> Result {
    let path = Path::own(Node::Traffic(peer));
    xenbus::write(format_args!("{path}"), format_args!("{traffic}"))
}

/// Removes what was written of that.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn remove_traffic(peer: DomId) -> Result {
    xenbus::remove(format_args!("{}", Path::own(Node::Traffic(peer))))
}

/// Calls `take` for each guest that dom0 tells of.
///
/// # Errors
///
/// XenStore's, and those of `take`.
pub(crate) fn for_each_peer(mut take: impl FnMut(DomId) -> Result) -> Result {
    let Some(names) = xenbus::directory(format_args!("{PEERS}"))? else {
        return Ok(());
    };
    for name in names.iter() {
        if let Ok(peer) = DomId::parse(name) {
            take(peer)?;
        }
    }
    Ok(())
}

/// Reads what dom0 tells of `peer`. `None` if that is nothing, or malformed.
///
/// # Errors
///
/// `ENOMEM`, XenStore's.
#[inline(never)]
pub(crate) fn read_peer(peer: DomId) -> Result<Option<KBox<PeerEntry>>> {
    let Some(text) = xenbus::read(format_args!("{}", Path::own(Node::Peer(peer))))? else {
        return Ok(None);
    };
    match PeerEntry::parse(&text) {
        Ok(entry) => Ok(Some(KBox::new(entry, GFP_KERNEL)?)),
        Err(_) => Ok(None),
    }
}

/// Reads the offer of `peer`, as dom0 relayed it. `None` if there is none, or it is malformed.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn read_offer(peer: DomId) -> Result<Option<Offer>> {
    let text = xenbus::read(format_args!("{}", Path::own(Node::PeerOffer(peer))))?;
    Ok(text.and_then(|text| Offer::parse(&text).ok()))
}
