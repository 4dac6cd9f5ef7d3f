// SPDX-License-Identifier: GPL-2.0

//! Who may meet whom: dom0's view of all guests, and what it lets each of them know.
//!
//! A guest's advert is only a claim. It is measured against what the toolstack set up (MACs and
//! `ip=` of the guest's vifs), against how the vifs are attached, against the administrator's policy
//! and against the other guests' claims. [`evaluate`] does that for all guests, then
//! [`introduction`] says what one may be told about another, or why nothing.

use core::net::IpAddr;

use crate::addr::{Addrs, Mac};
use crate::advert::Advert;
pub use crate::apart::Apart;
use crate::domid::DomId;
use crate::error::SchemaError;
use crate::peer::{pair_nonce, PeerEntry};
use crate::port::{Port, Segment};
use crate::reason::{Reason, Reasons};
use crate::sort::sort_by_key;
use crate::version::Version;
pub use crate::warning::Warning;

/// A virtual interface, as the toolstack and dom0's kernel know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vif {
    /// Whose it is.
    pub guest: DomId,
    /// The guest whose device model its owner is, a stub domain; `None` if it is an ordinary guest's.
    pub stub_of: Option<DomId>,
    /// The MAC the toolstack gave it.
    pub mac: Mac,
    /// How it is attached.
    pub port: Port,
    /// The vif's `ip=`: the addresses its guest may use. `None` if it restricts nothing. See
    /// [`Addrs::parse_restriction`].
    pub permitted: Option<Addrs>,
}

/// All dom0 knows about one guest, but for its vifs.
#[derive(Clone, Debug)]
pub struct Guest {
    domid: DomId,
    advert: Option<Result<Advert, SchemaError>>,
    wish: GuestWish,
    /// What [`evaluate`] made of it: why it meets nobody, though it would take part ...
    reasons: Reasons,
    /// ... or how it does.
    seat: Option<Seat>,
}

/// A guest that takes part.
#[derive(Clone, Copy, Debug)]
struct Seat {
    version: Version,
    instance: u64,
    mac: Mac,
    port: Port,
    /// What the guest claims and its vif permits; when all guests' are known, what dom0 vouches for.
    addrs: Addrs,
}

impl Guest {
    /// A guest, with its advert as parsed (`None` if it has none). It takes no part until
    /// [`evaluate`] has seen it among the others.
    pub const fn new(
        domid: DomId,
        advert: Option<Result<Advert, SchemaError>>,
        wish: GuestWish,
    ) -> Self {
        Self {
            domid,
            advert,
            wish,
            reasons: Reasons::NONE,
            seat: None,
        }
    }

    /// The guest's id.
    pub const fn domid(&self) -> DomId {
        self.domid
    }

    /// The addresses dom0 vouches for, `None` if the guest takes no part.
    pub fn vouched(&self) -> Option<&Addrs> {
        self.seat.as_ref().map(|seat| &seat.addrs)
    }

    /// Why the guest, which would take part, meets nobody. No reason if it may, or would not.
    pub const fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// The segment the guest takes part on, `None` if it takes no part.
    pub fn segment(&self) -> Option<Segment> {
        self.seat.as_ref().map(|seat| seat.port.segment)
    }

    /// Where the guest is among those that take part.
    fn place(&self) -> Option<(Segment, Mac)> {
        self.seat.as_ref().map(|seat| (seat.port.segment, seat.mac))
    }

    /// The guest's optional abilities, as it advertises them.
    pub(crate) fn features(&self) -> u32 {
        self.advert().map_or(0, |advert| advert.features)
    }

    /// Its advert, if it has one that can be read. It is long, and a kernel's stack is not.
    fn advert(&self) -> Option<&Advert> {
        self.advert.as_ref()?.as_ref().ok()
    }
}

/// What the administrator wishes of a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestWish {
    /// It is to meet nobody.
    pub denied: bool,
    /// What it sends and receives is counted at its vif.
    pub metered: bool,
    /// It meets only guests of the same group.
    pub group: u32,
}

/// What the administrator wishes of a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BridgeWish {
    /// Nobody is to meet behind it.
    pub ignored: bool,
    /// What its ports send and receive is counted there.
    pub metered: bool,
    /// What the administrator says does not concern frames from guest to guest.
    pub overridden: Reasons,
}

/// The administrator's wishes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'a> {
    /// Nobody is to meet anybody.
    pub off: bool,
    /// For bridges, by their interface indexes.
    pub bridges: &'a [(u32, BridgeWish)],
    /// For all other bridges.
    pub others: BridgeWish,
}

impl Policy<'_> {
    fn bridge(&self, index: u32) -> BridgeWish {
        let found = self.bridges.iter().find(|(bridge, _)| *bridge == index);
        found.map_or(self.others, |(_, wish)| *wish)
    }

    /// Why a guest with this port meets nobody.
    fn reasons(&self, port: &Port, guest: GuestWish) -> Reasons {
        let bridge = self.bridge(port.segment.bridge);
        let mut reasons = port.reasons;
        reasons.add(Reason::Metered, bridge.metered || guest.metered);
        reasons = reasons.without(bridge.overridden);
        reasons.add(Reason::NotServed, bridge.ignored);
        reasons.add(Reason::Denied, guest.denied);
        reasons.add(Reason::Off, self.off);
        reasons
    }
}

/// An address that a guest claims, in a list that [`evaluate`] makes for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim(Option<(Segment, IpAddr, DomId)>);

impl Claim {
    /// None yet.
    pub const NONE: Self = Self(None);
}

/// How many [`Claim`]s the guests make at most.
pub fn claims(guests: &[Guest]) -> usize {
    let adverts = guests.iter().filter_map(Guest::advert);
    adverts.map(|advert| advert.addrs.len()).sum()
}

/// Decides which guests take part and with which addresses. All guests have to be in the slice,
/// those without an advert too, each once; and all of their vifs in the other. Both are sorted.
/// There has to be room for all [`claims`], whatever is in there; nothing is vouched for of those
/// for which there is none. Those who take part are sorted by segment and MAC then.
///
/// Each thing wrong is reported once per call. The result depends on the guests only, not on their
/// order or on what was decided before. Time grows little faster than the number of guests.
pub fn evaluate(
    guests: &mut [Guest],
    vifs: &mut [Vif],
    claims: &mut [Claim],
    policy: &Policy<'_>,
    report: &mut impl FnMut(Warning),
) {
    sort_by_key(guests, |guest| guest.domid);
    sort_by_key(vifs, |vif| (vif.mac, vif.port.segment, vif.guest));
    for i in 0..guests.len() {
        let seat = seat(guests, i, vifs, policy, report);
        if let Some(guest) = guests.get_mut(i) {
            guest.reasons = seat.err().unwrap_or_default();
            guest.seat = seat.ok();
        }
    }
    // All claims are known only now.
    let claims = list(guests, claims);
    report_conflicts(claims, report);
    for guest in guests.iter_mut() {
        let (domid, segment) = (guest.domid, guest.segment());
        if let (Some(seat), Some(segment)) = (&mut guest.seat, segment) {
            seat.addrs = seat
                .addrs
                .filter(|addr| is_uncontested(claims, segment, addr, domid));
        }
    }
    sort_by_key(guests, |guest| (guest.place(), guest.domid));
}

/// Lists what the guests claim, sorted by segment and address.
fn list<'a>(guests: &[Guest], claims: &'a mut [Claim]) -> &'a [Claim] {
    let mut count = 0;
    for guest in guests {
        let Some(seat) = &guest.seat else { continue };
        for addr in seat.addrs.iter() {
            if let Some(claim) = claims.get_mut(count) {
                *claim = Claim(Some((seat.port.segment, addr, guest.domid)));
                count += 1;
            }
        }
    }
    let claims = claims.get_mut(..count).unwrap_or_default();
    sort_by_key(claims, |claim| *claim);
    claims
}

/// Those who claim an address.
fn claimants(claims: &[Claim], segment: Segment, addr: IpAddr) -> &[Claim] {
    let key = |claim: &Claim| claim.0.map(|(segment, addr, _)| (segment, addr));
    let begin = claims.partition_point(|claim| key(claim) < Some((segment, addr)));
    let end = claims.partition_point(|claim| key(claim) <= Some((segment, addr)));
    claims.get(begin..end).unwrap_or_default()
}

/// Whether a guest claims an address and no other guest on its segment does.
fn is_uncontested(claims: &[Claim], segment: Segment, addr: IpAddr, guest: DomId) -> bool {
    claimants(claims, segment, addr) == [Claim(Some((segment, addr, guest)))]
}

/// Reports each two guests that claim the same address.
fn report_conflicts(claims: &[Claim], report: &mut impl FnMut(Warning)) {
    for (i, claim) in claims.iter().enumerate() {
        let Some((segment, addr, guest)) = claim.0 else {
            continue;
        };
        let others = claims.get(i + 1..).unwrap_or_default();
        let same = |other: &&Claim| {
            let place = other.0.map(|(segment, addr, _)| (segment, addr));
            place == Some((segment, addr))
        };
        for other in others.iter().take_while(same) {
            if let Claim(Some((_, _, other))) = *other {
                report(Warning::AddressConflict {
                    guests: [guest, other],
                    addr,
                });
            }
        }
    }
}

/// The seat of guest `i`, before the other guests' addresses are looked at, or why it has none; without a
/// reason if it takes no part. The guests are sorted by their ids.
// Inlined, its lists would lie on the stack with those of who calls it.
#[inline(never)]
fn seat(
    guests: &[Guest],
    i: usize,
    vifs: &[Vif],
    policy: &Policy<'_>,
    report: &mut impl FnMut(Warning),
) -> Result<Seat, Reasons> {
    let Some((guest, advert)) = guests.get(i).and_then(|g| Some((g, g.advert.as_ref()?))) else {
        return Err(Reasons::NONE);
    };
    let domid = guest.domid;
    let advert = match advert {
        Ok(advert) => advert,
        Err(error) => {
            report(Warning::BadAdvert {
                guest: domid,
                error: *error,
            });
            return Err(Reasons::of(Reason::BadAdvert));
        }
    };
    let alike = with_mac(vifs, advert.mac);
    // A device model speaks for its guest, and is no guest itself.
    let own = |vif: &&Vif| vif.guest == domid && vif.stub_of.is_none();
    let Some(vif) = alike.iter().find(own) else {
        report(Warning::ForeignMac {
            guest: domid,
            mac: advert.mac,
        });
        return Err(Reasons::of(Reason::ForeignMac));
    };
    if !sole_owner(guests, vif, alike, report) {
        return Err(Reasons::of(Reason::SharedMac));
    }
    let reasons = policy.reasons(&vif.port, guest.wish);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let addrs = advert.addrs.filter(|addr| {
        let permitted = vif.permitted.is_none_or(|only| only.contains(addr));
        if !permitted {
            report(Warning::NotPermitted { guest: domid, addr });
        }
        permitted
    });
    Ok(Seat {
        version: advert.version,
        instance: advert.instance,
        mac: vif.mac,
        port: vif.port,
        addrs,
    })
}

/// The vifs with this MAC, of all that are sorted by it.
fn with_mac(vifs: &[Vif], mac: Mac) -> &[Vif] {
    let begin = vifs.partition_point(|vif| vif.mac < mac);
    let end = vifs.partition_point(|vif| vif.mac <= mac);
    vifs.get(begin..end).unwrap_or_default()
}

/// Whether, of the vifs that are `alike` in their MAC, `vif` is its guest's only one, and the only one on
/// its segment.
///
/// Guests that advertise nothing count too: the peers would see frames of both. The vifs of the guest's own
/// device model do not: they have the guest's MACs, and are used only until its own drivers are.
fn sole_owner(
    guests: &[Guest],
    vif: &Vif,
    alike: &[Vif],
    report: &mut impl FnMut(Warning),
) -> bool {
    let twin = |other: &&Vif| {
        let beside = other.guest == vif.guest || other.port.is_beside(&vif.port);
        beside && other.stub_of != Some(vif.guest)
    };
    let mut sole = true;
    let mut last = None;
    for other in alike.iter().filter(twin) {
        if core::ptr::eq(other, vif) || last.replace(other.guest) == Some(other.guest) {
            continue;
        }
        sole = false;
        // The lower of two guests that advertise the same has reported them.
        let reported = other.guest < vif.guest && advertises(guests, other);
        if !reported {
            report(Warning::DuplicateMac {
                guests: [vif.guest.min(other.guest), vif.guest.max(other.guest)],
                mac: vif.mac,
            });
        }
    }
    sole
}

/// Whether the owner of a vif says that it is the one to be known by. The guests are sorted by their ids.
fn advertises(guests: &[Guest], vif: &Vif) -> bool {
    let found = guests.binary_search_by_key(&vif.guest, |guest| guest.domid);
    let guest = found.ok().and_then(|i| guests.get(i));
    let advert = guest.and_then(Guest::advert);
    vif.stub_of.is_none() && advert.is_some_and(|advert| advert.mac == vif.mac)
}

/// The guests on the segment of guest `i`, itself included, of all that [`evaluate`] left sorted.
pub(crate) fn neighbours(guests: &[Guest], i: usize) -> &[Guest] {
    let Some(segment) = guests.get(i).and_then(Guest::segment) else {
        return &[];
    };
    let begin = guests.partition_point(|guest| guest.segment() < Some(segment));
    let end = guests.partition_point(|guest| guest.segment() <= Some(segment));
    guests.get(begin..end).unwrap_or_default()
}

/// Whether two guests may meet. Both have to come from one call of [`evaluate`].
///
/// # Errors
///
/// Why they may not; the same for both of them.
pub fn may_meet(guest: &Guest, peer: &Guest) -> Result<(), Apart> {
    seats(guest, peer).map(|_| ())
}

/// What `guest` may be told about `peer`. Both have to come from one call of [`evaluate`].
///
/// # Errors
///
/// As [`may_meet`].
pub fn introduction<'a>(guest: &'a Guest, peer: &'a Guest) -> Result<PeerEntry<&'a Addrs>, Apart> {
    let (own, other) = seats(guest, peer)?;
    Ok(PeerEntry {
        mac: other.mac,
        addrs: &other.addrs,
        own: &own.addrs,
        nonce: pair_nonce((guest.domid, own.instance), (peer.domid, other.instance)),
    })
}

/// The seats of two guests that may meet.
fn seats<'a>(guest: &'a Guest, peer: &'a Guest) -> Result<(&'a Seat, &'a Seat), Apart> {
    let (Some(own), Some(other)) = (&guest.seat, &peer.seat) else {
        return Err(Apart::NotBoth);
    };
    if guest.domid == peer.domid {
        return Err(Apart::NotBoth);
    }
    if own.port.segment != other.port.segment {
        return Err(Apart::Segment);
    }
    if own.port.isolated && other.port.isolated {
        return Err(Apart::Isolated);
    }
    if guest.wish.group != peer.wish.group {
        return Err(Apart::Group);
    }
    if own.version != other.version {
        return Err(Apart::Version);
    }
    Ok((own, other))
}

/// The guest of the segment of guest `i` that has this MAC, by its place among the guests, which are as
/// [`evaluate`] left them. No two guests of a segment that take part have the same one.
pub fn by_mac(guests: &[Guest], i: usize, mac: Mac) -> Option<usize> {
    let segment = guests.get(i)?.segment()?;
    let found = guests.binary_search_by_key(&Some((segment, mac)), Guest::place);
    found.ok()
}

/// The guests of the segment of guest `i`, each with what `i` may be told about it, or why it may not.
/// The guests are as [`evaluate`] left them.
pub fn peers(
    guests: &[Guest],
    i: usize,
) -> impl Iterator<Item = (&Guest, Result<PeerEntry<&Addrs>, Apart>)> + '_ {
    let guest = guests.get(i);
    neighbours(guests, i).iter().filter_map(move |peer| {
        let guest = guest?;
        (guest.domid != peer.domid).then(|| (peer, introduction(guest, peer)))
    })
}
