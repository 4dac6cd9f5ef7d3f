// SPDX-License-Identifier: GPL-2.0

//! Whole hosts, simulated: guests, dom0, XenStore and shared memory, on one clock.
//!
//! ```text
//!   guest 1 ── advert, offers ──▶ ┌──────────┐ ◀── advert, offers ── guest 2
//!           ◀─ watch: peer/2 ──── │ XenStore │ ──── watch: peer/1 ─▶
//!                                 └─▲──────┬─┘
//!                    peer entries,  │      │  watch: adverts, offers
//!                    relayed offers │      ▼
//!                                 ┌─┴──────┴─┐
//!                                 │   dom0   │  roster, relay
//!                                 └──────────┘
//!   guest 1 ◀──────── control pages, rings, events ────────▶ guest 2
//! ```
//!
//! Everything that can go wrong does for a while: watch events late, out of order, merged or lost
//! until the watch is renewed; guests and their modules restarted at any step, domain ids reused;
//! guests paused; dom0's module restarted; allocations, maps and writes refused; peers that stall,
//! break rules or lie. Then it stops, and every pair that may meet must end up on one channel, with
//! nothing left over.
//!
//! A run is a function of its seed, which is printed when it fails; `XLNET_SEED=n` runs one again.

mod dom0;
#[path = "../roster/evaluate.rs"]
mod evaluate;
mod faults;
mod guest;
mod rng;
mod seed;
#[path = "../plain/vif.rs"]
mod vif;
mod world;

use seed::{seeds, Seed};
use world::{Config, World};

fn simulate(range: std::ops::Range<u64>, config: impl Fn(u64) -> Config) {
    let seeds = seeds(range);
    let (mut slowest, mut channels) = (0, 0);
    for seed in &seeds {
        let _seed = Seed(*seed);
        let mut world = World::new(*seed, config(*seed));
        world.run_with_faults();
        slowest = slowest.max(world.converge());
        channels += world.channels_opened;
    }
    let runs = seeds.len();
    println!("{runs} runs, {channels} channels opened, slowest convergence {slowest} ms");
}

#[test]
fn a_thousand_small_hosts_converge() {
    simulate(0..1_000, |seed| Config {
        guests: 2 + (seed % 5) as usize,
        bridges: 1 + (seed % 2) as u32,
        hostile: seed % 3 == 0,
        faults_ms: 30_000,
        faults_per_minute: 60,
        crashes_per_mille: 10,
        ..Config::default()
    });
}

#[test]
fn a_host_with_two_hundred_guests_converges() {
    simulate(0..1, |_| Config {
        guests: 200,
        bridges: 20,
        hostile: true,
        faults_ms: 10_000,
        faults_per_minute: 600,
        crashes_per_mille: 1,
        ..Config::default()
    });
}

/// Without faults, routes are there well within the three seconds an administrator waits.
#[test]
fn a_quiet_host_connects_at_once() {
    for seed in 0..50 {
        let _seed = Seed(seed);
        let config = Config {
            guests: 6,
            bridges: 1,
            ..Config::default()
        };
        let mut world = World::new(seed, config);
        world.run_with_faults();
        let took = world.converge();
        assert!(took < 1_000, "{took} ms");
    }
}

/// Modules come and go under traffic: every packet sent on a channel is received.
#[test]
fn an_orderly_close_loses_nothing() {
    for seed in 0..200 {
        let _seed = Seed(seed);
        let config = Config {
            guests: 4,
            bridges: 1,
            faults_ms: 20_000,
            faults_per_minute: 60,
            orderly: true,
            ..Config::default()
        };
        let mut world = World::new(seed, config);
        world.run_with_faults();
        world.converge();
        assert!(world.packets_sent > 100);
        assert_eq!(world.packets_lost, 0);
    }
}
