// SPDX-License-Identifier: GPL-2.0

//! Whole hosts that change: after each change two guests are introduced exactly if no fact parts them. The facts
//! are listed here one by one, as docs/protocol.md has them, and not as the roster puts them together.

#[path = "roster/evaluate.rs"]
mod evaluate;
mod plain;

use proptest::prelude::*;
use xlnet_protocol::port::{BridgePort, Facts, Filters, Port, PortVlans, Settings, VlanSetting};
use xlnet_protocol::roster::{self, introduction, BridgeWish, GuestWish, Policy};
use xlnet_protocol::{Addrs, Advert, DomId, Mac, Reason, Reasons, Version};

use evaluate::evaluate;

const GUESTS: usize = 5;
const BRIDGES: [u32; 2] = [plain::PORT.bridge, 4];

/// A vif of a guest, of which there are two each: as the toolstack has it, and dom0's kernel.
#[derive(Clone, Copy, Debug)]
struct Vif {
    mac: u8,
    /// Another domain serves it.
    elsewhere: bool,
    settings: Settings,
    /// dom0's kernel has it.
    present: bool,
    facts: Facts,
    port: BridgePort,
    attached: bool,
    vlans: PortVlans,
}

#[derive(Clone, Copy, Debug)]
struct Guest {
    advertises: bool,
    mac: u8,
    version: Version,
    /// Of which guest it is the device model.
    stub_of: Option<usize>,
    wish: GuestWish,
    vifs: [Vif; 2],
}

#[derive(Clone, Debug)]
struct World {
    guests: [Guest; GUESTS],
    filters: Filters,
    /// By bridge, whether it filters VLANs.
    filtering: [bool; 2],
    off: bool,
    /// By bridge, if there is a line about it.
    bridges: [Option<BridgeWish>; 2],
    others: BridgeWish,
}

/// All guests meet: each speaks of its second vif, and all are on one bridge with these.
fn plain() -> World {
    let vif = |mac| Vif {
        mac,
        elsewhere: false,
        settings: Settings::default(),
        present: true,
        facts: plain::FACTS,
        port: plain::PORT,
        attached: true,
        vlans: PortVlans {
            pvid: 1,
            untagged: true,
        },
    };
    let guest = |i: usize| Guest {
        advertises: true,
        mac: mac_of(i, 1),
        version: Version::Two,
        stub_of: None,
        wish: GuestWish::default(),
        vifs: [vif(mac_of(i, 0)), vif(mac_of(i, 1))],
    };
    World {
        guests: std::array::from_fn(guest),
        filters: Filters::default(),
        filtering: [false; 2],
        off: false,
        bridges: [None; 2],
        others: BridgeWish::default(),
    }
}

fn mac_of(guest: usize, vif: usize) -> u8 {
    u8::try_from(2 * guest + vif).unwrap()
}

fn domid(guest: usize) -> DomId {
    DomId::new(u16::try_from(guest).unwrap() + 1).unwrap()
}

fn mac(last: u8) -> Mac {
    Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap()
}

/// Changes one thing: which one, of which guest and vif, and to what, if it is not simply the other of two.
type Change = (u8, usize, usize, u8);

const KINDS: u8 = 33;

fn any_change() -> impl Strategy<Value = Change> {
    (0..KINDS, 0..GUESTS, 0..2usize, 0..3u8)
}

const OVERRIDABLE: [Reason; 8] = [
    Reason::NotFlooded,
    Reason::Rate,
    Reason::Qdisc,
    Reason::TrafficControl,
    Reason::Xdp,
    Reason::VifFilter,
    Reason::BridgeFilter,
    Reason::IpFilter,
];

fn apply(world: &mut World, (kind, who, which, value): Change) {
    let flip = |flag: &mut bool| *flag = !*flag;
    let other = (who + 1 + usize::from(value)) % GUESTS;
    let guest = &mut world.guests[who];
    let vif = &mut guest.vifs[which];
    match kind {
        0 => flip(&mut vif.elsewhere),
        1 => flip(&mut vif.present),
        2 => flip(&mut vif.attached),
        3 => flip(&mut vif.facts.up),
        4 => flip(&mut vif.facts.qdisc),
        5 => flip(&mut vif.facts.tc),
        6 => flip(&mut vif.facts.xdp),
        7 => flip(&mut vif.facts.netfilter),
        8 => vif.port.bridge = BRIDGES[usize::from(value) % 2],
        9 => flip(&mut vif.port.forwarding),
        10 => flip(&mut vif.port.isolated),
        11 => flip(&mut vif.port.locked),
        12 => flip(&mut vif.port.flooded),
        13 => flip(&mut vif.port.vlan_trees),
        14 => vif.vlans.pvid = u16::from(value),
        15 => flip(&mut vif.vlans.untagged),
        16 => flip(&mut vif.settings.rate),
        17 => {
            vif.settings.vlan = match value {
                0 => VlanSetting::None,
                1 => VlanSetting::One(1),
                _ => VlanSetting::Other,
            }
        }
        18 => vif.mac = mac_of((who + usize::from(value)) % GUESTS, which),
        19 => guest.mac = mac_of((who + usize::from(value)) % GUESTS, which),
        20 => flip(&mut guest.advertises),
        21 => guest.version = [Version::Two, Version::One][which],
        22 => guest.stub_of = (which == 0).then_some(other),
        23 => flip(&mut guest.wish.denied),
        24 => flip(&mut guest.wish.metered),
        25 => guest.wish.group = value.into(),
        26 => flip(&mut world.filters.bridge),
        27 => flip(&mut world.filters.ip),
        28 => flip(&mut world.filtering[which]),
        29 => flip(&mut world.off),
        30..=32 => {
            let wish = match value {
                0 => &mut world.others,
                _ => world.bridges[which].get_or_insert_default(),
            };
            let reason = OVERRIDABLE[(who * 2 + which) % OVERRIDABLE.len()];
            let forgiven = wish.overridden.contains(reason);
            match kind {
                30 => flip(&mut wish.ignored),
                31 => flip(&mut wish.metered),
                _ if forgiven => wish.overridden = wish.overridden.without(Reasons::of(reason)),
                _ => wish.overridden.add(reason, true),
            }
        }
        _ => unreachable!(),
    }
}

/// Which pairs the roster introduces.
fn introduced(world: &World) -> [[bool; GUESTS]; GUESTS] {
    let mut guests: Vec<_> = (0..GUESTS)
        .map(|i| {
            let guest = &world.guests[i];
            let advert = Advert {
                version: guest.version,
                features: 0,
                instance: 1,
                mac: mac(guest.mac),
                addrs: Addrs::new(),
            };
            roster::Guest::new(domid(i), guest.advertises.then_some(Ok(advert)), guest.wish)
        })
        .collect();
    let mut vifs = Vec::new();
    for (i, guest) in world.guests.iter().enumerate() {
        vifs.extend(guest.vifs.iter().map(|vif| roster::Vif {
            guest: domid(i),
            stub_of: guest.stub_of.map(domid),
            mac: mac(vif.mac),
            port: judged(world, vif),
            permitted: None,
        }));
    }
    let lines: Vec<_> = BRIDGES.into_iter().zip(world.bridges).collect();
    let lines: Vec<_> = lines
        .into_iter()
        .filter_map(|(bridge, wish)| Some((bridge, wish?)))
        .collect();
    let policy = Policy {
        off: world.off,
        bridges: &lines,
        others: world.others,
    };
    evaluate(&mut guests, &mut vifs, &policy, &mut |_| ());
    guests.sort_by_key(roster::Guest::domid);
    let meet = |a: usize, b: usize| introduction(&guests[a], &guests[b]).is_ok();
    std::array::from_fn(|a| std::array::from_fn(|b| meet(a, b)))
}

fn judged(world: &World, vif: &Vif) -> Port {
    if vif.elsewhere {
        return Port::elsewhere();
    }
    let port = BridgePort {
        vlans: filters_vlans(world, vif).then_some(vif.vlans),
        ..vif.port
    };
    let facts = Facts {
        port: vif.attached.then_some(port),
        ..vif.facts
    };
    Port::judge(vif.present.then_some(&facts), vif.settings, world.filters)
}

fn filters_vlans(world: &World, vif: &Vif) -> bool {
    let bridge = BRIDGES.iter().position(|index| *index == vif.port.bridge);
    world.filtering[bridge.unwrap()]
}

/// The bridge and VLAN that a vif's frames are on; none if it is on no bridge that dom0 knows.
fn place(world: &World, vif: &Vif) -> Option<(u32, u16)> {
    let known = !vif.elsewhere && vif.present && vif.attached;
    let vlan = match vif.settings.vlan {
        _ if filters_vlans(world, vif) => vif.vlans.pvid,
        VlanSetting::One(vlan) => vlan,
        VlanSetting::None | VlanSetting::Other => 0,
    };
    known.then_some((vif.port.bridge, vlan))
}

/// What keeps a guest from all others.
fn excluded(world: &World, i: usize) -> Vec<&'static str> {
    let guest = &world.guests[i];
    let own = |vif: &&Vif| vif.mac == guest.mac;
    let mut mine = guest.vifs.iter().filter(own);
    let (Some(vif), another) = (mine.next(), mine.next()) else {
        return vec!["it has no such vif"];
    };
    let others = (0..GUESTS).filter(|j| *j != i && world.guests[*j].stub_of != Some(i));
    let twin = |other: &Vif| {
        let there = place(world, other);
        other.mac == guest.mac && there.is_some() && there == place(world, vif)
    };
    let mut twins = others
        .flat_map(|j| &world.guests[j].vifs)
        .filter(|o| twin(o));
    let bridge = BRIDGES
        .iter()
        .position(|index| place(world, vif).is_some_and(|(bridge, _)| bridge == *index));
    let line = bridge.and_then(|bridge| world.bridges[bridge]);
    let wish = line.unwrap_or(world.others);
    let unless = |reason| !wish.overridden.contains(reason);
    let filtering = filters_vlans(world, vif);
    let facts: [(&str, bool); 26] = [
        ("it does not advertise", !guest.advertises),
        ("it is a device model", guest.stub_of.is_some()),
        ("two vifs with that MAC", another.is_some()),
        ("another guest's vif with that MAC", twins.next().is_some()),
        ("served elsewhere", vif.elsewhere),
        ("absent", !vif.present),
        ("down", !vif.facts.up),
        ("no bridge", !vif.attached),
        ("not forwarding", !vif.port.forwarding),
        ("locked", vif.port.locked),
        (
            "not flooded",
            !vif.port.flooded && unless(Reason::NotFlooded),
        ),
        ("no PVID", filtering && vif.vlans.pvid == 0),
        ("tagged", filtering && !vif.vlans.untagged),
        ("trees", vif.port.vlan_trees),
        (
            "vlan=",
            !filtering && vif.settings.vlan == VlanSetting::Other,
        ),
        ("rate=", vif.settings.rate && unless(Reason::Rate)),
        ("qdisc", vif.facts.qdisc && unless(Reason::Qdisc)),
        ("tc", vif.facts.tc && unless(Reason::TrafficControl)),
        ("XDP", vif.facts.xdp && unless(Reason::Xdp)),
        ("netdev", vif.facts.netfilter && unless(Reason::VifFilter)),
        (
            "bridge family",
            world.filters.bridge && unless(Reason::BridgeFilter),
        ),
        ("IP filters", world.filters.ip && unless(Reason::IpFilter)),
        ("metered", guest.wish.metered || wish.metered),
        ("ignored", wish.ignored),
        ("denied", guest.wish.denied),
        ("off", world.off),
    ];
    let hold = facts.into_iter().filter(|(_, holds)| *holds);
    hold.map(|(fact, _)| fact).collect()
}

/// What keeps two guests apart that nothing keeps from all others.
fn apart(world: &World, a: usize, b: usize) -> Vec<&'static str> {
    let guests = [&world.guests[a], &world.guests[b]];
    let vifs = guests.map(|guest| guest.vifs.iter().find(|vif| vif.mac == guest.mac).unwrap());
    let differ = |[a, b]: [u64; 2]| a != b;
    let places = vifs.map(|vif| place(world, vif));
    let facts = [
        ("one guest", a == b),
        ("places", places[0] != places[1]),
        ("isolated", vifs.iter().all(|vif| vif.port.isolated)),
        (
            "groups",
            differ(guests.map(|guest| guest.wish.group.into())),
        ),
        ("versions", guests[0].version != guests[1].version),
    ];
    let hold = facts.into_iter().filter(|(_, holds)| *holds);
    hold.map(|(fact, _)| fact).collect()
}

fn check(world: &World) {
    let introduced = introduced(world);
    let excluded: [_; GUESTS] = std::array::from_fn(|i| excluded(world, i));
    for a in 0..GUESTS {
        for b in 0..GUESTS {
            let mut facts = [&excluded[a][..], &excluded[b][..]].concat();
            if facts.is_empty() {
                facts = apart(world, a, b);
            }
            let met = introduced[a][b];
            assert_eq!(met, facts.is_empty(), "guests {a} and {b}: {facts:?}");
        }
    }
}

#[test]
fn on_a_plain_host_all_meet() {
    let introduced = introduced(&plain());
    let count = introduced.iter().flatten().filter(|met| **met).count();
    assert_eq!(count, GUESTS * (GUESTS - 1));
    check(&plain());
}

#[test]
fn each_change_of_a_plain_host_is_seen() {
    for kind in 0..KINDS {
        for (who, which, value) in [0, 1]
            .map(|which| [0, 1, 2].map(|value| (3, which, value)))
            .concat()
        {
            let mut world = plain();
            apply(&mut world, (kind, who, which, value));
            check(&world);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn guests_meet_exactly_while_no_fact_parts_them(
        changes in proptest::collection::vec(any_change(), 1..24),
    ) {
        let mut world = plain();
        for change in changes {
            apply(&mut world, change);
            check(&world);
        }
    }
}
