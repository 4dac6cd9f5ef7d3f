// SPDX-License-Identifier: GPL-2.0

//! dom0: what xldiscovery does, but for reading and writing XenStore.

use std::collections::{BTreeMap, BTreeSet};

use xlnet_protocol::pairing::{asked, settle, Demand, Room, Standing};
use xlnet_protocol::roster::{Guest, GuestWish, Policy};
use xlnet_protocol::{Addrs, Advert, DomId, Version, Wish, ON_DEMAND};

use crate::evaluate::evaluate;
use crate::vif::vif;
use crate::world::{address, mac, number_of};

/// What dom0 knows of a guest.
#[derive(Clone)]
pub struct Known {
    pub domid: DomId,
    pub life: u64,
    pub bridge: usize,
    pub wish: Option<Wish>,
}

#[derive(Default)]
pub struct Dom0 {
    pub known: BTreeMap<usize, Known>,
    roster: Vec<Guest>,
    adverts_changed: bool,
    wishes_changed: bool,
    /// Who is told of whom in which life.
    pub told: BTreeMap<(usize, usize), u64>,
    /// Entries written and removed.
    pub entries: u64,
    /// Changes of what guests ask for, each for one more or one less, and of guests.
    pub changes: u64,
    /// Pairs looked at in one pass at most.
    pub pairs: usize,
}

impl Dom0 {
    /// A guest is there, or another life of it.
    pub fn advert(&mut self, i: usize, known: Known) {
        self.known.insert(i, known);
        self.adverts_changed = true;
        self.changes += 1;
    }

    /// A guest is gone.
    pub fn gone(&mut self, i: usize) {
        // With it goes all that it was told.
        self.told.retain(|(to, _), _| *to != i);
        self.known.remove(&i);
        self.adverts_changed = true;
        self.changes += 1;
    }

    pub fn wish(&mut self, i: usize, wish: Wish, changed: usize) {
        if let Some(known) = self.known.get_mut(&i) {
            known.wish = Some(wish);
            self.wishes_changed = true;
            self.changes += changed as u64;
        }
    }

    /// Brings what the guests are told in line. Returns what is to be told.
    pub fn pass(&mut self) -> Vec<(usize, usize, Option<u64>)> {
        if self.adverts_changed {
            self.evaluate();
        }
        if !self.adverts_changed && !self.wishes_changed {
            return Vec::new();
        }
        (self.adverts_changed, self.wishes_changed) = (false, false);
        let numbers: Vec<usize> = self.roster.iter().map(|guest| self.number(guest)).collect();
        let demand = |i: usize| {
            let wish = self.known[&numbers[i]].wish.as_ref();
            Demand::of(&self.roster[i], wish)
        };
        let mut pairs = Vec::new();
        let mut rooms: Vec<Room> = Vec::new();
        for i in 0..self.roster.len() {
            rooms.push(demand(i).room());
            let _ = asked(&self.roster, i, demand(i), |_, pair| {
                pairs.extend(pair.ok());
                Ok::<(), ()>(())
            });
        }
        self.pairs = self.pairs.max(pairs.len());
        let mut wanted = BTreeSet::new();
        for pair in settle(&mut pairs, &mut rooms) {
            if pair.standing == Standing::Introduced {
                let [a, b] = pair.guests.map(|at| numbers[usize::from(at)]);
                wanted.extend([(a, b), (b, a)]);
            }
        }
        let life = |i: &usize| self.known[i].life;
        let told = &self.told;
        let gone = told
            .keys()
            .filter(|pair| !wanted.contains(pair))
            .map(|(to, of)| (*to, *of, None));
        let new = wanted.iter().filter_map(|(to, of)| {
            let life = life(of);
            let known = told.get(&(*to, *of)) == Some(&life);
            (!known).then_some((*to, *of, Some(life)))
        });
        let news: Vec<_> = gone.chain(new).collect();
        for (to, of, life) in &news {
            self.entries += 1;
            match life {
                Some(life) => self.told.insert((*to, *of), *life),
                None => self.told.remove(&(*to, *of)),
            };
        }
        news
    }

    fn number(&self, guest: &Guest) -> usize {
        // Each has one address, by its number.
        let vouched = guest.vouched().and_then(|addrs| addrs.iter().next());
        vouched.map_or_else(
            || {
                let mut known = self.known.iter();
                let same = known.find(|(_, known)| known.domid == guest.domid());
                *same.unwrap().0
            },
            number_of,
        )
    }

    fn evaluate(&mut self) {
        let mut vifs = Vec::new();
        let mut guests = Vec::new();
        for (i, known) in &self.known {
            vifs.push(vif(known.domid, mac(*i), known.bridge as u32 + 1));
            let mut addrs = Addrs::new();
            addrs.push(address(*i)).unwrap();
            let advert = Advert {
                version: Version::Two,
                features: ON_DEMAND,
                instance: known.life,
                mac: mac(*i),
                addrs,
            };
            guests.push(Guest::new(
                known.domid,
                Some(Ok(advert)),
                GuestWish::default(),
            ));
        }
        evaluate(&mut guests, &mut vifs, &Policy::default(), &mut |warning| {
            panic!("{warning}")
        });
        self.roster = guests;
    }
}
