// SPDX-License-Identifier: GPL-2.0

//! Hosts with a thousand guests, simulated: who asks for whom, whom dom0 introduces, and who has a channel.
//!
//! How one channel opens and closes is simulated elsewhere (`simulation`); here it is open when both guests
//! have a place for it. What is looked at is everything around it: guests that begin and cease to talk, with
//! each other and with others; restart, move away and come back; have less room than they talk to; find no
//! grants for what they had room for; and hear of everything late. Then that stops, and those who talk must
//! have channels as far as they have room, nobody else, and no guest a place for a channel that the other has
//! no place for. What dom0 writes and looks at is counted.
//!
//! A run is a function of its seed, which is printed when it fails; `XLNET_SEED=n` runs one again.

mod dom0;
mod guest;
mod world;

#[path = "../roster/evaluate.rs"]
mod evaluate;
#[path = "../simulation/rng.rs"]
mod rng;
#[path = "../simulation/seed.rs"]
mod seed;
#[path = "../plain/vif.rs"]
mod vif;

use guest::Guest;
use seed::{seeds, Seed};
use world::{Config, World};

fn crowd(seed: u64, guests: usize) -> Config {
    Config {
        guests,
        bridges: 1 + (seed % 4) as usize * guests / 100,
        talks: 1 + (seed % 3) as usize,
        server: seed % 5 == 0,
        chaos_ms: 20_000,
    }
}

/// Every tenth host has a thousand guests, the others a hundred.
fn guests(seed: u64) -> usize {
    if seed % 20 < 2 {
        1_000
    } else {
        100
    }
}

fn simulate(numbers: impl Iterator<Item = u64>) {
    let seeds = seeds(numbers);
    let (mut slowest, mut most, mut pairs) = (0, 0.0f64, 0);
    for seed in &seeds {
        let _seed = Seed(*seed);
        let mut world = World::new(*seed, crowd(*seed, guests(*seed)));
        world.chaos();
        slowest = slowest.max(world.converge());
        most = most.max(world.dom0.entries as f64 / world.dom0.changes as f64);
        pairs = pairs.max(world.dom0.pairs);
    }
    let runs = seeds.len();
    println!("{runs} runs, slowest convergence {slowest} ms");
    println!("{most:.1} entries that dom0 wrote for each change at most");
    println!("{pairs} wishes that it looked at in one decision at most");
}

#[test]
fn a_thousand_hosts_converge_whose_seed_is_even() {
    simulate((0..1_000).step_by(2));
}

#[test]
fn a_thousand_hosts_converge_whose_seed_is_odd() {
    simulate((1..1_000).step_by(2));
}

/// One guest has room for four, ten talk to it, each more than the one before.
#[test]
fn a_guest_keeps_the_busiest_that_it_has_room_for() {
    for seed in 0..100 {
        let _seed = Seed(seed);
        let mut world = World::new(
            seed,
            Config {
                guests: 11,
                bridges: 1,
                ..Config::default()
            },
        );
        world.guests[0] = Guest::new(4);
        for other in 1..=10 {
            world.talk(0, other, 4 * other as u64 * other as u64);
        }
        world.run(180_000);
        assert_eq!(world.channels(0), [7, 8, 9, 10]);
        // And they stay.
        let before = world.dom0.entries;
        world.run(60_000);
        assert_eq!(world.channels(0), [7, 8, 9, 10]);
        assert_eq!(world.dom0.entries, before);
    }
}

/// The next hop of what a guest sends elsewhere is a neighbour: it has a channel once, for as long as an idle
/// one stays.
#[test]
fn a_gateway_that_is_a_neighbour_does_not_flap() {
    let mut world = World::new(
        1,
        Config {
            guests: 2,
            bridges: 1,
            ..Config::default()
        },
    );
    world.through(0, 1);
    world.run(3_000);
    assert_eq!(world.channels(0), [1]);
    world.run(30_000);
    assert_eq!(world.channels(0), [0; 0]);
    let before = world.dom0.entries;
    world.run(600_000);
    assert_eq!(world.dom0.entries, before);
    // What is for the gateway itself brings it back.
    world.talk(0, 1, 10);
    world.run(3_000);
    assert_eq!(world.channels(0), [1]);
}

/// A guest that asks for everybody, and for nobody, all the time takes no place from those who talk.
#[test]
fn who_asks_for_everybody_is_served_last() {
    for seed in 0..20 {
        let _seed = Seed(seed);
        let mut world = World::new(
            seed,
            Config {
                guests: 40,
                bridges: 1,
                ..Config::default()
            },
        );
        for i in 0..30 {
            world.guests[i] = Guest::new(2);
        }
        for i in (0..30).step_by(3) {
            world.talk(i, i + 1, 10);
            world.talk(i, i + 2, 10);
        }
        world.run(5_000);
        for i in 30..40 {
            world.guests[i].asks_for_everybody = true;
        }
        for _ in 0..100 {
            world.run(500);
            for i in (0..30).step_by(3) {
                assert_eq!(world.channels(i), [i + 1, i + 2]);
            }
            let flips = world.guests[30].asks_for_everybody;
            world.guests[30].asks_for_everybody = !flips;
        }
    }
}
