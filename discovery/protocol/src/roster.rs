// SPDX-License-Identifier: GPL-2.0

//! Who may meet whom: dom0's view of all guests, and what it lets each of them know.
//!
//! A guest's advert is only a claim. It is measured against what the toolstack set up (MACs and
//! `ip=` of the guest's vifs), against the bridges as they are, and against the other guests'
//! claims. [`evaluate`] does that for all guests, then [`introduction`] says what one may be told
//! about another.

use core::fmt;
use core::net::IpAddr;

use crate::addr::{Addrs, Mac};
use crate::advert::Advert;
use crate::domid::DomId;
use crate::error::SchemaError;
use crate::list::List;
use crate::peer::{pair_nonce, PeerEntry};

/// How many vifs of one guest are looked at.
pub const MAX_VIFS: usize = 4;

/// A virtual interface, as the toolstack and the bridge know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vif {
    /// The MAC the toolstack gave it.
    pub mac: Mac,
    /// The bridge or network it is attached to.
    pub segment: Segment,
    /// The vif's `ip=`: the addresses its guest may use. `None` if it restricts nothing. See
    /// [`Addrs::parse_restriction`].
    pub permitted: Option<Addrs>,
}

/// What a frame sent to the broadcast address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Interface index of the bridge the vif is really enslaved to, 0 if there is none.
    pub bridge: u32,
    /// VLAN, 0 if untagged.
    pub vlan: u16,
}

/// The vifs of one guest.
pub type Vifs = List<Vif, MAX_VIFS>;

/// All dom0 knows about one guest.
#[derive(Clone, Debug)]
pub struct Guest {
    domid: DomId,
    advert: Option<Result<Advert, SchemaError>>,
    vifs: Vifs,
    /// What [`evaluate`] made of it.
    seat: Option<Seat>,
}

/// A guest that takes part.
#[derive(Clone, Copy, Debug)]
struct Seat {
    instance: u64,
    mac: Mac,
    segment: Segment,
    claimed: Addrs,
    vouched: Addrs,
}

impl Guest {
    /// A guest, with its advert as parsed (`None` if it has none). It takes no part until
    /// [`evaluate`] has seen it among the others.
    pub const fn new(
        domid: DomId,
        advert: Option<Result<Advert, SchemaError>>,
        vifs: Vifs,
    ) -> Self {
        Self {
            domid,
            advert,
            vifs,
            seat: None,
        }
    }

    /// The guest's id.
    pub const fn domid(&self) -> DomId {
        self.domid
    }

    /// The addresses dom0 vouches for, `None` if the guest takes no part.
    pub fn vouched(&self) -> Option<&Addrs> {
        self.seat.as_ref().map(|seat| &seat.vouched)
    }

    /// The vif the advert speaks of, if it speaks of one.
    fn advertised(&self) -> Option<(&Advert, &Vif)> {
        let Some(Ok(advert)) = &self.advert else {
            return None;
        };
        let vif = self.vifs.iter().find(|vif| vif.mac == advert.mac)?;
        Some((advert, vif))
    }
}

/// The administrator's wishes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'a> {
    /// Interface indexes of the bridges behind which guests may meet; `None` for all.
    pub bridges: Option<&'a [u32]>,
}

impl Policy<'_> {
    fn allows(&self, segment: Segment) -> bool {
        let listed = |bridges: &[u32]| bridges.contains(&segment.bridge);
        segment.bridge != 0 && self.bridges.is_none_or(listed)
    }
}

/// Something an administrator should know. Formats as the line to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The guest's advert was refused; it takes no part.
    BadAdvert {
        /// The guest.
        guest: DomId,
        /// What is wrong.
        error: SchemaError,
    },
    /// The guest advertises a MAC that is none of its vifs'; it takes no part.
    ForeignMac {
        /// The guest.
        guest: DomId,
        /// The MAC.
        mac: Mac,
    },
    /// Two vifs on one segment have the same MAC, the guests that advertise it take no part. Both
    /// ids are equal if the vifs are one guest's.
    DuplicateMac {
        /// The guests.
        guests: [DomId; 2],
        /// The MAC.
        mac: Mac,
    },
    /// The guest advertises an address that its vif's `ip=` does not list; dom0 does not vouch for
    /// it.
    NotPermitted {
        /// The guest.
        guest: DomId,
        /// The address.
        addr: IpAddr,
    },
    /// Two guests on one segment advertise the same address; dom0 vouches for it in neither.
    AddressConflict {
        /// The guests.
        guests: [DomId; 2],
        /// The address.
        addr: IpAddr,
    },
}

impl Warning {
    /// The guest it is about, the first of two.
    pub const fn guest(&self) -> DomId {
        match self {
            Self::BadAdvert { guest, .. }
            | Self::ForeignMac { guest, .. }
            | Self::NotPermitted { guest, .. }
            | Self::DuplicateMac {
                guests: [guest, _], ..
            }
            | Self::AddressConflict {
                guests: [guest, _], ..
            } => *guest,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::BadAdvert { guest, error } => {
                write!(f, "guest {guest}: advert ignored, {error}")
            }
            Warning::ForeignMac { guest, mac } => {
                write!(
                    f,
                    "guest {guest}: advert ignored, none of its vifs has MAC {mac}"
                )
            }
            Warning::DuplicateMac {
                guests: [a, b],
                mac,
            } => {
                write!(
                    f,
                    "guests {a} and {b}: adverts ignored, both have MAC {mac}"
                )
            }
            Warning::NotPermitted { guest, addr } => {
                write!(
                    f,
                    "guest {guest}: address {addr} ignored, its vif's ip= does not list it"
                )
            }
            Warning::AddressConflict {
                guests: [a, b],
                addr,
            } => {
                write!(
                    f,
                    "guests {a} and {b}: both claim address {addr}, neither gets it"
                )
            }
        }
    }
}

/// Decides which guests take part and with which addresses. All guests have to be in the slice,
/// those without an advert too, each once.
///
/// Each thing wrong is reported once per call. The result depends on the guests only, not on their
/// order or on what was decided before; time grows with the square of their number.
pub fn evaluate(guests: &mut [Guest], policy: &Policy<'_>, report: &mut impl FnMut(Warning)) {
    for i in 0..guests.len() {
        let seat = seat(guests, i, policy, report);
        if let Some(guest) = guests.get_mut(i) {
            guest.seat = seat;
        }
    }
    // All claims are known only now.
    for i in 0..guests.len() {
        let vouched = uncontested(guests, i, report);
        if let Some(seat) = guests.get_mut(i).and_then(|guest| guest.seat.as_mut()) {
            seat.vouched = vouched;
        }
    }
}

/// The seat of guest `i`, before the other guests' addresses are looked at.
fn seat(
    guests: &[Guest],
    i: usize,
    policy: &Policy<'_>,
    report: &mut impl FnMut(Warning),
) -> Option<Seat> {
    let guest = guests.get(i)?;
    let advert = match guest.advert.as_ref()? {
        Ok(advert) => advert,
        Err(error) => {
            report(Warning::BadAdvert {
                guest: guest.domid,
                error: *error,
            });
            return None;
        }
    };
    let Some((_, vif)) = guest.advertised() else {
        report(Warning::ForeignMac {
            guest: guest.domid,
            mac: advert.mac,
        });
        return None;
    };
    if !policy.allows(vif.segment) || !sole_owner(guests, i, vif, report) {
        return None;
    }
    let claimed = advert.addrs.filter(|addr| {
        let permitted = vif.permitted.is_none_or(|only| only.contains(addr));
        if !permitted {
            report(Warning::NotPermitted {
                guest: guest.domid,
                addr,
            });
        }
        permitted
    });
    Some(Seat {
        instance: advert.instance,
        mac: vif.mac,
        segment: vif.segment,
        claimed,
        vouched: Addrs::new(),
    })
}

/// Whether no other vif on the segment has the MAC of `vif`, by which guest `i` is known.
///
/// Guests that advertise nothing count too: the peers would see frames of both.
fn sole_owner(guests: &[Guest], i: usize, vif: &Vif, report: &mut impl FnMut(Warning)) -> bool {
    let twin = |other: &&Vif| other.mac == vif.mac && other.segment == vif.segment;
    let mut sole = true;
    for (j, other) in guests.iter().enumerate() {
        let own = usize::from(j == i);
        if other.vifs.iter().filter(twin).count() <= own {
            continue;
        }
        sole = false;
        // A guest before this one that advertises the same vif has reported the two already.
        let reported = j < i && other.advertised().is_some_and(|(_, vif)| twin(&vif));
        if let (false, Some(guest)) = (reported, guests.get(i)) {
            report(Warning::DuplicateMac {
                guests: [guest.domid.min(other.domid), guest.domid.max(other.domid)],
                mac: vif.mac,
            });
        }
    }
    sole
}

/// The addresses that guest `i` claims and no other guest on its segment does.
fn uncontested(guests: &[Guest], i: usize, report: &mut impl FnMut(Warning)) -> Addrs {
    let Some((guest, seat)) = guests.get(i).and_then(|g| Some((g, g.seat.as_ref()?))) else {
        return Addrs::new();
    };
    seat.claimed.filter(|addr| {
        let mut free = true;
        for (j, other) in guests.iter().enumerate() {
            let rival =
                |rival: &Seat| rival.segment == seat.segment && rival.claimed.contains(addr);
            if j != i && other.seat.as_ref().is_some_and(rival) {
                free = false;
                if guest.domid < other.domid {
                    report(Warning::AddressConflict {
                        guests: [guest.domid, other.domid],
                        addr,
                    });
                }
            }
        }
        free
    })
}

/// What `guest` may be told about `peer`, `None` if the two may not meet. Both have to come from
/// one call of [`evaluate`].
pub fn introduction(guest: &Guest, peer: &Guest) -> Option<PeerEntry> {
    let (own, other) = (guest.seat.as_ref()?, peer.seat.as_ref()?);
    if guest.domid == peer.domid || own.segment != other.segment {
        return None;
    }
    Some(PeerEntry {
        mac: other.mac,
        addrs: other.vouched,
        own: own.vouched,
        nonce: pair_nonce((guest.domid, own.instance), (peer.domid, other.instance)),
    })
}

/// The peers of guest `i`, by index, each with what `i` may be told about it.
pub fn peers(guests: &[Guest], i: usize) -> impl Iterator<Item = (usize, PeerEntry)> + '_ {
    let guest = guests.get(i);
    let known = move |(j, peer)| Some((j, introduction(guest?, peer)?));
    guests.iter().enumerate().filter_map(known)
}
