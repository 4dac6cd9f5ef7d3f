// SPDX-License-Identifier: GPL-2.0

//! A guest: what it knows of whom it talks to, and its places for channels.

use std::collections::BTreeMap;

use xlnet_protocol::{Acquaintance, Acquaintances, Shortage, Wish, NOBODY};

use crate::rng::Rng;
use crate::world::{address, mac, number, Ms};

/// An idle channel closes after so long.
pub const IDLE_MS: Ms = 5_000;

/// As many acquaintances are remembered.
const KNOWN: usize = 24;

pub struct Guest {
    /// Whether it is on this host, with its module loaded.
    pub here: bool,
    /// Tells this life from those before.
    pub life: u64,
    pub known: Acquaintances<Vec<Option<Acquaintance>>>,
    pub shortage: Shortage,
    most: u16,
    /// Whom dom0 tells it of, by number, in which life, and whether there is a place for it.
    pub peers: BTreeMap<usize, (u64, bool)>,
    /// What it asks for.
    pub wish: Wish,
    /// It is looked at again at this time, or when something happens.
    due: Ms,
    /// It has grants for so many channels only.
    pub grants: usize,
    /// It is hostile.
    pub asks_for_everybody: bool,
}

impl Guest {
    /// A guest with room for so many channels.
    pub fn new(room: u16) -> Self {
        Self {
            here: true,
            life: 0,
            known: Acquaintances::new(vec![NOBODY; KNOWN], IDLE_MS),
            shortage: Shortage::none(room),
            most: room,
            peers: BTreeMap::new(),
            wish: Wish::new(0),
            due: 0,
            grants: usize::MAX,
            asks_for_everybody: false,
        }
    }

    /// The module starts, in this domain or another.
    pub fn begin(&mut self, life: u64) {
        *self = Self {
            life,
            ..Self::new(self.most)
        };
    }

    /// It is gone, from one moment to the next.
    pub fn end(&mut self) {
        self.here = false;
        self.peers.clear();
    }

    /// Whether it says that it has less room than it has.
    pub fn is_short(&self) -> bool {
        self.shortage.room() < self.most
    }

    /// How many places are taken.
    pub fn open(&self) -> usize {
        self.peers.values().filter(|(_, placed)| *placed).count()
    }

    pub fn has_place_for(&self, peer: usize) -> bool {
        self.peers.get(&peer).is_some_and(|(_, placed)| *placed)
    }

    /// It sends packets to another.
    pub fn send(&mut self, to: usize, packets: u64, now: Ms) {
        let wanted = self.known.wants(mac(to));
        let counted = !wanted || self.known.is_short(self.shortage.room());
        if self.peers.contains_key(&to) || self.known.is_former(mac(to)) && counted {
            if !wanted {
                self.due = now;
            }
            self.known.sent(mac(to), packets, now);
        } else {
            self.neighbour(to, now);
        }
    }

    /// The kernel has it as a neighbour.
    pub fn neighbour(&mut self, of: usize, now: Ms) {
        let before = self.known.wants(mac(of));
        self.known.neighbour(mac(of), address(of), now);
        if before != self.known.wants(mac(of)) {
            self.due = now;
        }
    }

    /// dom0 tells of a peer, or of it no longer.
    pub fn told(&mut self, peer: usize, life: Option<u64>, now: Ms) {
        self.due = now;
        match life {
            Some(life) => {
                self.peers.insert(peer, (life, false));
                self.known.introduced(mac(peer), now);
            }
            None => {
                self.peers.remove(&peer);
                self.known.withdrawn(mac(peer));
            }
        }
    }

    /// Finds places for peers, and makes a wish. Returns of how many MACs it is another one, if it is.
    pub fn look(&mut self, guests: usize, now: Ms, rng: &mut Rng) -> Option<usize> {
        if now < self.due {
            return None;
        }
        let room = usize::from(self.most);
        let mut open = self.open();
        let mut short = false;
        for (_, placed) in self.peers.values_mut().filter(|(_, placed)| !placed) {
            // Of more than there is room for dom0 tells only while it has not heard of a change.
            if open < room && open < self.grants {
                *placed = true;
                open += 1;
            } else {
                short |= open < room;
            }
        }
        if short {
            self.shortage.found(open as u16, now);
            let without = self.peers.iter().filter(|(_, (_, placed))| !placed);
            without.for_each(|(peer, _)| self.known.refused(mac(*peer)));
        }
        self.shortage.tick(open as u16, now);
        self.known.tick(now);
        let wish = match self.asks_for_everybody {
            true => everybody(guests, rng),
            false => self.known.wish(self.shortage.room(), now),
        };
        let again = [self.known.next(now), self.shortage.next()];
        let at = again.into_iter().flatten().min().unwrap_or(Ms::MAX);
        self.due = at.min(now + 5_000);
        let before = std::mem::replace(&mut self.wish, wish);
        (before != wish).then(|| before.distance(&wish).max(1))
    }

    /// Those for whom it has a place.
    pub fn placed(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let placed = self.peers.iter().filter(|(_, (_, placed))| *placed);
        placed.map(|(peer, (life, _))| (*peer, *life))
    }

    /// Whether it asks for another.
    pub fn asks_for(&self, other: usize) -> bool {
        self.wish.iter().any(|mac| number(mac) == Some(other))
    }
}

fn everybody(guests: usize, rng: &mut Rng) -> Wish {
    let mut wish = Wish::new(64);
    let first = rng.below(guests as u64) as usize;
    for i in 0..guests {
        let _ = wish.push(mac((first + i) % guests));
    }
    wish
}
