// SPDX-License-Identifier: GPL-2.0

//! Who of those that may meet is introduced: those who talk, as far as both have room.
//!
//! Who may meet whom says the [`roster`](crate::roster). Of these pairs only those count that one of
//! the two [asks](Demand) for. Where a guest has less room than pairs it gets those that it wants
//! most, and of several guests that are short each pair counts as what it is to the one that wants
//! it less. A pair is introduced to both or to neither, so nobody holds a place for a channel that
//! cannot be.
//!
//! What somebody else asks for costs a guest at most a quarter of its room, and goes first.

use crate::addr::Mac;
use crate::advert::ON_DEMAND;
use crate::roster::{by_mac, may_meet, neighbours, Apart, Guest};
use crate::sort::sort_by_key;
use crate::wish::Wish;

/// For whom a guest asks.
#[derive(Clone, Copy, Debug)]
pub enum Demand<'a> {
    /// For everybody: it knows of nothing else.
    Everybody,
    /// For these.
    Of(&'a Wish),
}

/// The peers that guests have room for that do not say for how many they have.
const ROOM_OF_OTHERS: u16 = 31;

impl<'a> Demand<'a> {
    /// What a guest asks for that wrote this wish, `None` if it wrote none that can be read.
    pub fn of(guest: &Guest, wish: Option<&'a Wish>) -> Self {
        const NOBODY: Wish = Wish::new(0);
        if guest.features() & ON_DEMAND == 0 {
            Self::Everybody
        } else {
            Self::Of(wish.unwrap_or(&NOBODY))
        }
    }

    /// The room that the guest has.
    pub fn room(&self) -> Room {
        let room = match self {
            Self::Everybody => ROOM_OF_OTHERS,
            Self::Of(wish) => wish.room,
        };
        Room {
            room,
            others: room.div_ceil(4),
            asked: 0,
        }
    }
}

/// Two guests, one of which asks for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Their places in the roster, in ascending order.
    pub guests: [u16; 2],
    /// How much each of them wants the other, 0 most. `None` if it does not ask.
    ranks: [Option<u16>; 2],
    /// What became of it.
    pub standing: Standing,
}

/// What became of a pair that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is introduced.
    Introduced,
    /// The guest at this place in the roster has no room.
    NoRoom(u16),
}

/// How many channels a guest may have.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// So many more.
    room: u16,
    /// So many more of them for who is not asked for.
    others: u16,
    /// How many pairs of it there are.
    asked: u16,
}

impl Room {
    fn is_short(&self) -> bool {
        self.asked > self.room
    }

    fn has(&self, asks: bool) -> bool {
        self.room > 0 && (asks || self.others > 0)
    }
}

/// Calls `asked` for each guest that guest `i` asks for, with what becomes of the two if they may not meet, or
/// the pair. The roster is as [`evaluate`](crate::roster::evaluate) left it.
pub fn asked<E>(
    roster: &[Guest],
    i: usize,
    demand: Demand<'_>,
    mut asked: impl FnMut(&Guest, Result<Pair, Apart>) -> Result<(), E>,
) -> Result<(), E> {
    let Some(guest) = roster.get(i) else {
        return Ok(());
    };
    let mut found = |j: usize, rank: usize| {
        let Some(peer) = roster.get(j).filter(|_| i != j) else {
            return Ok(());
        };
        let pair = may_meet(guest, peer).map(|()| Pair::new(i, j, rank));
        asked(peer, pair)
    };
    match demand {
        Demand::Everybody => {
            let beside = neighbours(roster, i);
            let first = roster.partition_point(|other| other.segment() < guest.segment());
            (0..beside.len()).try_for_each(|rank| found(first + rank, rank))
        }
        Demand::Of(wish) => wish
            .iter()
            .enumerate()
            .try_for_each(|(rank, mac): (_, Mac)| {
                by_mac(roster, i, mac).map_or(Ok(()), |j| found(j, rank))
            }),
    }
}

impl Pair {
    fn new(i: usize, j: usize, rank: usize) -> Self {
        let place = |at| u16::try_from(at).unwrap_or(u16::MAX);
        let rank = Some(place(rank));
        let (guests, ranks) = if i < j {
            ([place(i), place(j)], [rank, None])
        } else {
            ([place(j), place(i)], [None, rank])
        };
        Self {
            guests,
            ranks,
            standing: Standing::NoRoom(guests[0]),
        }
    }

    /// How much the one of the two that is short and wants it less wants it. Who does not ask wants it least.
    fn rank(&self, rooms: &[Room]) -> u16 {
        let short = |(guest, rank): (&u16, &Option<u16>)| {
            let room = rooms.get(usize::from(*guest))?;
            room.is_short().then_some(rank.unwrap_or(u16::MAX))
        };
        let ranks = self.guests.iter().zip(&self.ranks).filter_map(short);
        ranks.max().unwrap_or(0)
    }
}

/// Decides about all pairs, of which each may be there twice, as each of the two may ask; `rooms` are those of the
/// guests of the roster, by their places. Returns the pairs, each once.
///
/// The result depends on the arguments only, not on their order or on what was decided before. No
/// guest has more pairs introduced than it has room, and no pair is without an introduction but
/// where one of the two has all its room taken, or all that is for who it does not ask for.
pub fn settle<'a>(pairs: &'a mut [Pair], rooms: &mut [Room]) -> &'a mut [Pair] {
    let count = merge(pairs);
    let pairs = pairs.get_mut(..count).unwrap_or_default();
    for guest in pairs.iter().flat_map(|pair| pair.guests) {
        if let Some(room) = rooms.get_mut(usize::from(guest)) {
            room.asked = room.asked.saturating_add(1);
        }
    }
    sort_by_key(pairs, |pair| (pair.rank(rooms), pair.guests));
    for pair in pairs.iter_mut() {
        pair.standing = take(pair, rooms);
    }
    pairs
}

/// Makes one of two that are the same; those that remain come first. Returns how many they are.
fn merge(pairs: &mut [Pair]) -> usize {
    sort_by_key(pairs, |pair| pair.guests);
    let mut count: usize = 0;
    for i in 0..pairs.len() {
        let Some(pair) = pairs.get(i).copied() else {
            break;
        };
        let last = count.checked_sub(1).and_then(|last| pairs.get_mut(last));
        match last.filter(|last| last.guests == pair.guests) {
            Some(last) => {
                for (rank, other) in last.ranks.iter_mut().zip(pair.ranks) {
                    *rank = match (*rank, other) {
                        (Some(a), Some(b)) => Some(a.min(b)),
                        (a, b) => a.or(b),
                    };
                }
            }
            None => {
                if let Some(free) = pairs.get_mut(count) {
                    *free = pair;
                }
                count += 1;
            }
        }
    }
    count
}

/// Gives a pair the room it needs, if both have it.
fn take(pair: &Pair, rooms: &mut [Room]) -> Standing {
    let sides = || pair.guests.iter().zip(&pair.ranks);
    let full = sides().find(|(guest, rank)| {
        let room = rooms.get(usize::from(**guest));
        !room.is_some_and(|room| room.has(rank.is_some()))
    });
    if let Some((guest, _)) = full {
        return Standing::NoRoom(*guest);
    }
    for (guest, rank) in sides() {
        if let Some(room) = rooms.get_mut(usize::from(*guest)) {
            room.room -= 1;
            room.others -= u16::from(rank.is_none());
        }
    }
    Standing::Introduced
}

/// Why the guests of a pair are not introduced, if they are not.
pub fn apart(pair: &Pair, roster: &[Guest]) -> Option<Apart> {
    match pair.standing {
        Standing::Introduced => None,
        Standing::NoRoom(guest) => {
            let guest = roster.get(usize::from(guest))?;
            Some(Apart::NoRoom(guest.domid()))
        }
    }
}
