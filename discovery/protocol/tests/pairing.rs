// SPDX-License-Identifier: GPL-2.0

//! Whom dom0 introduces: those who talk and have room, both or neither, whatever they ask for.

#[path = "roster/evaluate.rs"]
mod evaluate;
#[path = "plain/vif.rs"]
mod vif;

use proptest::prelude::*;
use xlnet_protocol::pairing::{apart, asked, settle, Demand, Pair, Room, Standing};
use xlnet_protocol::roster::{Apart, Guest, GuestWish, Policy};
use xlnet_protocol::{Addrs, Advert, DomId, Mac, Version, Wish, ON_DEMAND};

use evaluate::evaluate;
use vif::vif;

/// What a guest is and asks for.
#[derive(Clone, Debug)]
struct Asking {
    bridge: u32,
    /// Without, it asks for everybody.
    on_demand: bool,
    room: u16,
    /// Some may be nobody's.
    wishes: Vec<u8>,
}

fn domid(i: usize) -> DomId {
    DomId::new(i as u16 + 1).unwrap()
}

fn mac(i: usize) -> Mac {
    Mac::new([0, 0x16, 0x3e, 0, 0, i as u8]).unwrap()
}

fn wish(guest: &Asking) -> Wish {
    let mut wish = Wish::new(guest.room);
    for other in &guest.wishes {
        let _ = wish.push(mac(usize::from(*other)));
    }
    wish
}

fn roster(guests: &[Asking]) -> Vec<Guest> {
    let mut roster = Vec::new();
    let mut vifs = Vec::new();
    for (i, guest) in guests.iter().enumerate() {
        let advert = Advert {
            version: Version::Two,
            features: if guest.on_demand { ON_DEMAND } else { 0 },
            instance: 1,
            mac: mac(i),
            addrs: Addrs::new(),
        };
        roster.push(Guest::new(domid(i), Some(Ok(advert)), GuestWish::default()));
        vifs.push(vif(domid(i), mac(i), guest.bridge));
    }
    evaluate(&mut roster, &mut vifs, &Policy::default(), &mut |_| ());
    roster
}

/// The guests of a pair by their numbers.
type Met = ((usize, usize), Pair);

/// What becomes of the pairs, those asked for backwards if `reverse`.
fn pairs(guests: &[Asking], reverse: bool) -> (Vec<Guest>, Vec<Met>) {
    let roster = roster(guests);
    let number = |at: usize| usize::from(roster[at].domid().raw()) - 1;
    let wishes: Vec<_> = guests.iter().map(wish).collect();
    let mut pairs = Vec::new();
    let mut rooms: Vec<Room> = Vec::new();
    for at in 0..roster.len() {
        let demand = Demand::of(&roster[at], Some(&wishes[number(at)]));
        rooms.push(demand.room());
        let _ = asked(&roster, at, demand, |_, pair| {
            pairs.extend(pair.ok());
            Ok::<(), ()>(())
        });
    }
    if reverse {
        pairs.reverse();
    }
    let settled = settle(&mut pairs, &mut rooms);
    let met = settled.iter().map(|pair| {
        let [a, b] = pair.guests.map(|at| number(usize::from(at)));
        ((a.min(b), a.max(b)), *pair)
    });
    let mut met: Vec<_> = met.collect();
    met.sort_by_key(|(numbers, _)| *numbers);
    (roster, met)
}

fn asks(guests: &[Asking], a: usize, b: usize) -> bool {
    !guests[a].on_demand || guests[a].wishes.contains(&(b as u8))
}

fn room(guest: &Asking) -> usize {
    if guest.on_demand {
        guest.room.into()
    } else {
        31
    }
}

fn guest() -> impl Strategy<Value = Asking> {
    let wishes = prop::collection::vec(0..14u8, 0..10);
    (1..3u32, prop::bool::weighted(0.9), 0..6u16, wishes).prop_map(
        |(bridge, on_demand, room, wishes)| Asking {
            bridge,
            on_demand,
            room,
            wishes,
        },
    )
}

proptest! {
    #[test]
    fn those_who_talk_are_introduced_as_far_as_there_is_room(
        guests in prop::collection::vec(guest(), 2..12)
    ) {
        let (roster, met) = pairs(&guests, false);
        let introduced = |pair: &Pair| pair.standing == Standing::Introduced;
        // Each pair once, exactly those one of which asks and that may meet.
        for a in 0..guests.len() {
            for b in a + 1..guests.len() {
                let wanted = guests[a].bridge == guests[b].bridge
                    && (asks(&guests, a, b) || asks(&guests, b, a));
                let found = met.iter().filter(|(numbers, _)| *numbers == (a, b)).count();
                prop_assert_eq!(found, usize::from(wanted));
            }
        }
        let of = |i: usize| {
            let introduced = met.iter().filter(move |(_, pair)| introduced(pair));
            introduced.map(|(numbers, _)| *numbers).filter(move |(a, b)| *a == i || *b == i)
        };
        let for_others = |i: usize| {
            of(i).filter(|(a, b)| !asks(&guests, i, a + b - i)).count()
        };
        let quarter = |i: usize| room(&guests[i]).div_ceil(4);
        for (i, guest) in guests.iter().enumerate() {
            prop_assert!(of(i).count() <= room(guest));
            prop_assert!(for_others(i) <= quarter(i));
        }
        // Who is left out is so for a reason, which is named.
        for ((a, b), pair) in &met {
            let full = |i: usize, other: usize| {
                let asked_in_vain = !asks(&guests, i, other) && for_others(i) == quarter(i);
                of(i).count() == room(&guests[i]) || asked_in_vain
            };
            match apart(pair, &roster) {
                None => prop_assert!(introduced(pair)),
                Some(Apart::NoRoom(named)) => {
                    let named = usize::from(named.raw()) - 1;
                    prop_assert!(named == *a || named == *b);
                    prop_assert!(full(named, a + b - named));
                }
                Some(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn the_order_of_asking_does_not_matter(guests in prop::collection::vec(guest(), 2..12)) {
        prop_assert_eq!(pairs(&guests, false).1, pairs(&guests, true).1);
    }
}

#[test]
fn who_is_short_of_room_gets_those_it_wants_most() {
    let asking = |room, wishes: &[u8]| Asking {
        bridge: 1,
        on_demand: true,
        room,
        wishes: wishes.into(),
    };
    // What the others want least is what the first wants most.
    let mut guests = vec![asking(2, &[4, 2, 1, 3])];
    guests.extend((1..5).map(|_| asking(64, &[9, 8, 7, 6, 0])));
    let (_, met) = pairs(&guests, false);
    let introduced = met
        .iter()
        .filter(|(_, pair)| pair.standing == Standing::Introduced);
    let numbers: Vec<_> = introduced.map(|(numbers, _)| *numbers).collect();
    assert_eq!(numbers, [(0, 2), (0, 4)]);
}
