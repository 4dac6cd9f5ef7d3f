// SPDX-License-Identifier: GPL-2.0

//! The clock, who talks to whom, what happens to guests, and what must hold in the end.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use xlnet_protocol::{DomId, Mac};

use crate::dom0::{Dom0, Known};
use crate::guest::Guest;
use crate::rng::Rng;

/// Milliseconds of simulated time.
pub type Ms = u64;

/// So long is a step.
const STEP_MS: Ms = 500;

#[derive(Clone, Copy, Default)]
pub struct Config {
    pub guests: usize,
    pub bridges: usize,
    /// To so many others a guest talks on average.
    pub talks: usize,
    /// One guest of each bridge is talked to by most.
    pub server: bool,
    pub chaos_ms: Ms,
}

/// Something that is heard of late.
enum News {
    Wish {
        of: usize,
        life: u64,
    },
    Told {
        to: usize,
        life: u64,
        of: usize,
        life_of: Option<u64>,
    },
}

pub struct World {
    config: Config,
    rng: Rng,
    pub now: Ms,
    pub guests: Vec<Guest>,
    pub dom0: Dom0,
    /// Packets in each direction a second, of pairs that talk.
    talks: BTreeMap<(usize, usize), u64>,
    /// Whose next hop is whom, for what it sends elsewhere.
    gateways: BTreeMap<usize, usize>,
    /// By when it is heard.
    news: VecDeque<Vec<News>>,
    lives: u64,
    /// Wishes changed by so many MACs since they were heard of.
    unheard: BTreeMap<usize, usize>,
    /// Who was told of whom last.
    last: Vec<(usize, usize)>,
}

pub fn mac(i: usize) -> Mac {
    let [high, low] = (i as u16).to_be_bytes();
    Mac::new([0, 0x16, 0x3e, 0, high, low]).unwrap()
}

/// Whose MAC it is.
pub fn number(mac: Mac) -> Option<usize> {
    let [_, _, _, _, high, low] = mac.octets();
    Some(usize::from(u16::from_be_bytes([high, low])))
}

pub fn address(i: usize) -> IpAddr {
    let [high, low] = (i as u16).to_be_bytes();
    Ipv4Addr::new(10, 0, high, low).into()
}

/// Whose address it is.
pub fn number_of(address: IpAddr) -> usize {
    match address {
        IpAddr::V4(address) => usize::from(address.to_bits() as u16),
        IpAddr::V6(_) => unreachable!("nobody has one"),
    }
}

impl World {
    pub fn new(seed: u64, config: Config) -> Self {
        let mut rng = Rng::new(seed);
        let mut world = Self {
            guests: (0..config.guests)
                .map(|_| Guest::new(room(&mut rng, config.talks)))
                .collect(),
            config,
            rng,
            now: 1_000,
            dom0: Dom0::default(),
            talks: BTreeMap::new(),
            gateways: BTreeMap::new(),
            news: VecDeque::new(),
            lives: 0,
            unheard: BTreeMap::new(),
            last: Vec::new(),
        };
        for i in 0..config.guests {
            world.begin(i);
        }
        world
    }

    fn bridge(&self, i: usize) -> usize {
        i % self.config.bridges
    }

    /// A guest's module starts, in a domain of a new id.
    fn begin(&mut self, i: usize) {
        self.lives += 1;
        let life = self.lives;
        self.guests[i].begin(life);
        let known = Known {
            domid: DomId::new(1 + (life % 0x7fe0) as u16).unwrap(),
            life,
            bridge: self.bridge(i),
            wish: None,
        };
        self.dom0.advert(i, known);
    }

    fn end(&mut self, i: usize) {
        self.guests[i].end();
        self.dom0.gone(i);
    }

    /// Two guests talk from now on, with so many packets a second in each direction, or talk no more.
    pub fn talk(&mut self, a: usize, b: usize, packets: u64) {
        let pair = (a.min(b), a.max(b));
        match packets {
            0 => drop(self.talks.remove(&pair)),
            packets => drop(self.talks.insert(pair, packets)),
        }
    }

    /// A guest sends elsewhere, and another is its gateway.
    pub fn through(&mut self, from: usize, gateway: usize) {
        self.gateways.insert(from, gateway);
    }

    /// The others with which a guest has a channel.
    pub fn channels(&self, i: usize) -> Vec<usize> {
        let placed = self.guests[i].placed().map(|(peer, _)| peer);
        placed
            .filter(|peer| self.guests[*peer].has_place_for(i))
            .collect()
    }

    pub fn run(&mut self, time: Ms) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += STEP_MS;
        let now = self.now;
        for ((a, b), packets) in &self.talks {
            if self.guests[*a].here && self.guests[*b].here {
                self.guests[*a].send(*b, packets * STEP_MS / 1_000 + 1, now);
                self.guests[*b].send(*a, packets * STEP_MS / 1_000 + 1, now);
            }
        }
        for (from, gateway) in &self.gateways {
            self.guests[*from].neighbour(*gateway, now);
        }
        for news in self.news.pop_front().unwrap_or_default() {
            self.hear(news);
        }
        for i in 0..self.guests.len() {
            if !self.guests[i].here {
                continue;
            }
            let count = self.guests.len();
            if let Some(changed) = self.guests[i].look(count, now, &mut self.rng) {
                *self.unheard.entry(i).or_default() += changed;
                let life = self.guests[i].life;
                self.later(News::Wish { of: i, life });
            }
        }
        let told = self.dom0.pass();
        if !told.is_empty() {
            self.last = told.iter().map(|(to, of, _)| (*to, *of)).collect();
        }
        for (to, of, life_of) in told {
            let life = self.guests[to].life;
            self.later(News::Told {
                to,
                life,
                of,
                life_of,
            });
        }
    }

    /// Has something heard of after a while.
    fn later(&mut self, news: News) {
        // What one hears comes in its order.
        let steps = match self.config.chaos_ms {
            0 => 0,
            _ => 1 - usize::from(self.rng.chance(80)),
        };
        let at = match &news {
            News::Told { .. } => 0,
            News::Wish { .. } => steps,
        };
        while self.news.len() <= at {
            self.news.push_back(Vec::new());
        }
        self.news[at].push(news);
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Wish { of, life } => {
                let guest = &self.guests[of];
                if guest.here && guest.life == life {
                    let changed = self.unheard.remove(&of).unwrap_or(0);
                    self.dom0.wish(of, guest.wish, changed);
                }
            }
            News::Told {
                to,
                life,
                of,
                life_of,
            } => {
                let guest = &mut self.guests[to];
                if guest.here && guest.life == life {
                    guest.told(of, life_of, self.now);
                }
            }
        }
    }

    /// Begins with some talk, and changes everything all the time.
    pub fn chaos(&mut self) {
        for _ in 0..self.config.talks * self.config.guests / 2 {
            self.any_talk();
        }
        if self.config.server {
            for i in 0..self.config.guests {
                self.talk_on_bridge(i, self.bridge(i), 50);
            }
        }
        let end = self.now + self.config.chaos_ms;
        while self.now < end {
            for _ in 0..1 + self.config.guests / 100 {
                self.any_change();
            }
            self.step();
        }
        for i in 0..self.guests.len() {
            if !self.guests[i].here {
                self.begin(i);
            }
            self.guests[i].grants = usize::MAX;
        }
    }

    fn any_guest(&mut self) -> usize {
        self.rng.below(self.config.guests as u64) as usize
    }

    fn any_talk(&mut self) {
        let a = self.any_guest();
        let beside = (self.config.guests / self.config.bridges) as u64;
        let b = a + self.rng.below(beside) as usize * self.config.bridges;
        let b = b % (beside as usize * self.config.bridges);
        // Each to some more than to others, so that it can be told who is busier.
        let packets = 4 << self.rng.below(12);
        self.talk_on_bridge(a, b, packets);
    }

    fn talk_on_bridge(&mut self, a: usize, b: usize, packets: u64) {
        if a != b && self.bridge(a) == self.bridge(b) {
            self.talk(a, b, packets);
        }
    }

    fn any_change(&mut self) {
        let i = self.any_guest();
        match self.rng.below(8) {
            0..=2 => self.any_talk(),
            3 | 4 => {
                let first = self.talks.range((i, 0)..).next();
                if let Some((pair, _)) = first.map(|(pair, packets)| (*pair, *packets)) {
                    self.talks.remove(&pair);
                }
            }
            // It restarts.
            5 => {
                self.end(i);
                self.begin(i);
            }
            // It leaves for another host, or comes back from there.
            6 if self.guests[i].here => self.end(i),
            6 => self.begin(i),
            _ => {
                let limit = 1 + self.rng.below(3) as usize;
                self.guests[i].grants = if self.rng.chance(50) {
                    limit
                } else {
                    usize::MAX
                };
            }
        }
    }

    /// Waits for everything to come to rest, and checks that it is as it should be. Returns how long that took.
    pub fn converge(&mut self) -> Ms {
        let start = self.now;
        let mut quiet = self.now;
        let mut entries = self.dom0.entries;
        while self.now < quiet + 20_000 {
            self.step();
            // What was short is there again, and is found to be in the end.
            let short = self.guests.iter().any(Guest::is_short);
            if self.dom0.entries != entries || short {
                (entries, quiet) = (self.dom0.entries, self.now);
            }
            assert!(self.now < start + 300_000, "{}", self.unrest());
        }
        self.check();
        quiet - start
    }

    /// For the message of a run that does not come to rest.
    fn unrest(&self) -> String {
        let mut text = "does not come to rest:".to_string();
        for (i, guest) in self
            .guests
            .iter()
            .enumerate()
            .filter(|(_, guest)| guest.is_short())
        {
            text += &format!("\n{i}: {:?}, {} open", guest.shortage, guest.open());
        }
        for (to, of) in &self.last {
            text += &format!("\n{to} was told of {of}, {:?}", self.guests[*to].wish.room);
        }
        text
    }

    fn check(&self) {
        for (i, guest) in self.guests.iter().enumerate() {
            for (peer, life) in guest.placed() {
                let other = &self.guests[peer];
                assert!(
                    other.here && other.life == life,
                    "{i} has a place for a dead {peer}"
                );
                assert!(other.has_place_for(i), "{i} waits for {peer}");
                let talk = self.talks.contains_key(&(i.min(peer), i.max(peer)));
                assert!(talk, "{i} and {peer} have a channel and do not talk");
            }
            let told = guest.peers.len();
            assert_eq!(
                told,
                guest.open(),
                "{i} is told of peers it has no place for"
            );
            assert!(told <= usize::from(guest.shortage.room()));
        }
        for (a, b) in self.talks.keys() {
            let open = self.guests[*a].has_place_for(*b);
            let full = |i: &usize| {
                let guest = &self.guests[*i];
                guest.open() >= usize::from(guest.shortage.room())
            };
            assert!(
                open || full(a) || full(b),
                "{a} and {b} have room and no channel"
            );
            assert!(open || self.guests[*a].asks_for(*b) || self.guests[*b].asks_for(*a));
        }
        // For each change a few entries are written, whatever the number of guests.
        assert!(self.dom0.entries <= 6 * self.dom0.changes);
        let wishes: usize = self
            .guests
            .iter()
            .map(|guest| guest.wish.iter().count())
            .sum();
        assert!(self.dom0.pairs <= 4 * wishes + self.config.guests);
    }
}

/// For how many channels a guest has room: for fewer than it may talk to, now and then.
fn room(rng: &mut Rng, talks: usize) -> u16 {
    match talks {
        0 => 64,
        _ => 1 + rng.below(8) as u16,
    }
}
