// SPDX-License-Identifier: GPL-2.0

//! A host's guests and vifs, and what the roster makes of them.

use std::collections::BTreeMap;

use xlnet_protocol::port::{Port, Segment};
use xlnet_protocol::roster::{self, introduction, peers, GuestWish, Policy, Vif, Warning};
use xlnet_protocol::{Addrs, Advert, DomId, Mac, Reason, Reasons, SchemaError, Version};

pub fn domid(raw: u16) -> DomId {
    DomId::new(raw).unwrap()
}

pub fn mac(last: u8) -> Mac {
    Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap()
}

pub fn segment(bridge: u32) -> Segment {
    Segment { bridge, vlan: 0 }
}

/// A vif that nothing is to be said against.
fn port(segment: Segment) -> Port {
    Port {
        segment,
        isolated: false,
        reasons: Reasons::NONE,
    }
}

/// A vif, before it is some guest's.
#[derive(Clone, Debug)]
pub struct Nic {
    pub mac: Mac,
    pub port: Port,
    pub permitted: Option<Addrs>,
}

pub fn vif(mac: Mac, segment: Segment) -> Nic {
    Nic {
        mac,
        port: port(segment),
        permitted: None,
    }
}

/// A guest and its vifs.
#[derive(Clone, Debug)]
pub struct Guest {
    pub domid: DomId,
    pub advert: Option<Result<Advert, SchemaError>>,
    pub nics: Vec<Nic>,
    pub wish: GuestWish,
    pub stub_of: Option<DomId>,
}

impl Guest {
    pub fn new(
        domid: DomId,
        advert: Option<Result<Advert, SchemaError>>,
        nics: impl Into<Vec<Nic>>,
    ) -> Self {
        Self {
            domid,
            advert,
            nics: nics.into(),
            wish: GuestWish::default(),
            stub_of: None,
        }
    }
}

/// The roster's guests, evaluated, by id.
pub fn evaluate(
    guests: &[Guest],
    policy: &Policy<'_>,
    report: &mut impl FnMut(Warning),
) -> Vec<roster::Guest> {
    let vifs = guests.iter().flat_map(|guest| {
        guest.nics.iter().map(|nic| Vif {
            guest: guest.domid,
            stub_of: guest.stub_of,
            mac: nic.mac,
            port: nic.port,
            permitted: nic.permitted,
        })
    });
    let entry = |guest: &Guest| roster::Guest::new(guest.domid, guest.advert, guest.wish);
    let mut entries: Vec<_> = guests.iter().map(entry).collect();
    let mut vifs: Vec<_> = vifs.collect();
    crate::evaluate::evaluate(&mut entries, &mut vifs, policy, report);
    entries
}

pub fn advert(mac: Mac, addrs: &str) -> Advert {
    Advert {
        version: Version::Two,
        features: 0,
        instance: 1,
        mac,
        addrs: Addrs::parse(addrs).unwrap(),
    }
}

/// A guest on `bridge` that advertises what it has: MAC and address end in its id.
pub fn plain(id: u8, bridge: u32) -> Guest {
    claiming(id, bridge, &format!("10.0.0.{id}"))
}

pub fn claiming(id: u8, bridge: u32, addrs: &str) -> Guest {
    Guest::new(
        domid(id.into()),
        Some(Ok(advert(mac(id), addrs))),
        vec![vif(mac(id), segment(bridge))],
    )
}

/// A guest to whom something is to be said against its vif.
pub fn parted(id: u8, bridge: u32, reason: Reason) -> Guest {
    let mut guest = plain(id, bridge);
    guest.nics[0].port.reasons.add(reason, true);
    guest
}

/// The roster of `guests`: pairs, vouched addresses, warnings.
pub struct Outcome {
    pub pairs: Vec<(u16, u16)>,
    pub vouched: BTreeMap<u16, Option<String>>,
    pub reasons: BTreeMap<u16, Reasons>,
    pub warnings: Vec<Warning>,
}

impl Outcome {
    /// The warnings as the log has them.
    pub fn told(&self) -> Vec<String> {
        self.warnings.iter().map(Warning::to_string).collect()
    }
}

pub fn outcome(guests: Vec<Guest>, policy: &Policy<'_>) -> Outcome {
    let mut warnings = Vec::new();
    let guests = evaluate(&guests, policy, &mut |warning| warnings.push(warning));
    let mut pairs = Vec::new();
    for (i, guest) in guests.iter().enumerate() {
        for (peer, told) in peers(&guests, i) {
            assert_eq!(introduction(guest, peer), told);
            let Ok(entry) = told else { continue };
            assert_eq!(peer.vouched(), Some(entry.addrs));
            // What a guest may send from is what its peer lets in.
            assert_eq!(guest.vouched(), Some(entry.own));
            pairs.push((guest.domid().raw(), peer.domid().raw()));
        }
    }
    pairs.sort_unstable();
    let vouched = guests
        .iter()
        .map(|guest| {
            let addrs = guest.vouched().map(Addrs::to_string);
            (guest.domid().raw(), addrs)
        })
        .collect();
    let reasons = guests
        .iter()
        .map(|guest| (guest.domid().raw(), guest.reasons()))
        .collect();
    Outcome {
        pairs,
        vouched,
        reasons,
        warnings,
    }
}

pub fn all(guests: Vec<Guest>) -> Outcome {
    outcome(guests, &Policy::default())
}
