// SPDX-License-Identifier: GPL-2.0

//! xlhostile: a guest that lies, for the lab. Nobody else has a use for it.
//!
//! It advertises itself, is introduced to the other guests and opens a channel to each of them as
//! xlnet does, and then tells each of them the one [`lie::Lie`] that it finds in XenStore, in
//! `data/hostile/lie`, when it is loaded. What a guest writes into its own pages is its own
//! affair, so all of that is done without `unsafe`: see [`half`]. A [`victim`] is one of the guests
//! that are lied to, [`packet`] makes the packets they are sent.

#![deny(unsafe_code)]

mod half;
mod lie;
mod packet;
mod victim;

use crate::{lie::Lie, victim::Victim};
use core::net::IpAddr;
use kapi::{
    net::{nic, Rtnl},
    new_worker,
    random::random_u64,
    time::now_ms,
    work::{Work, Worker},
    xen::xenbus::{self, Watch, WatchHandler},
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Release},
        Arc, Mutex,
    },
};
use xlnet_protocol::{Addrs, Advert, DomId, Mac, Node, Path, Version, MAX_ADDRS};

module! {
    type: HostileModule,
    name: "xlhostile",
    authors: ["The xlnet developers"],
    description: "A guest that lies to xlnet, for tests",
    license: "GPL",
}

/// How often shared memory is looked at, in milliseconds: seldom enough to take no time from others
/// that could be measured.
const PACE_MS: u64 = 20;

/// How long a lie that never rests lies before it lets others run, in milliseconds.
const BURST_MS: u64 = 20;

/// How often a guest that is through with its victims becomes another instance, in milliseconds.
const RENEWAL_MS: u64 = 200;

type Kick = Arc<Worker<Hostile>>;

#[pin_data]
struct Hostile {
    #[pin]
    state: Mutex<State>,
    /// Whether dom0 told something new.
    told: Atomic<bool>,
}

struct State {
    own: DomId,
    lie: Lie,
    /// Whether the packets that are sent are of IPv6.
    ipv6: bool,
    advert: Advert,
    /// When the instance was last changed.
    renewed: u64,
    victims: KVec<Victim>,
}

impl Work for Hostile {
    fn run(&self, worker: &Worker<Self>) {
        let mut state = self.state.lock();
        if self.told.xchg(false, Full) && state.hear().is_err() {
            self.told.store(true, Release);
        }
        if state.lie.rests() {
            state.step();
            // Who has nothing more to say takes no time from others.
            if !state.victims.iter().all(Victim::is_over) {
                worker.again_in(PACE_MS);
            }
        } else {
            let until = now_ms() + BURST_MS;
            while now_ms() < until {
                state.step();
            }
            worker.kick();
        }
    }
}

impl State {
    /// Reads what dom0 tells, and lies to whom it tells of.
    fn hear(&mut self) -> Result {
        let Some(names) = xenbus::directory(format_args!("{}", Path::own(Node::Peers)))? else {
            return Ok(());
        };
        for peer in names.iter().filter_map(|name| DomId::parse(name).ok()) {
            let told = victim::read(peer)?;
            let known = self
                .victims
                .iter_mut()
                .find(|victim| victim.domid() == peer);
            match (told, known) {
                (Some(told), Some(known)) => known.hear(told),
                (Some(told), None) => self
                    .victims
                    .push(Victim::new(self.own, peer, told, self.ipv6), GFP_KERNEL)?,
                (None, _) => {}
            }
        }
        Ok(())
    }

    fn step(&mut self) {
        for victim in &mut self.victims {
            victim.step(self.lie, &self.advert.addrs);
        }
        let renew = match self.lie {
            Lie::Instances => true,
            Lie::Pinning => {
                self.victims.iter().any(Victim::is_through) && self.renewed + RENEWAL_MS <= now_ms()
            }
            _ => false,
        };
        if renew {
            self.renewed = now_ms();
            self.advert.instance = random_u64();
            let _ = advertise(&self.advert);
        }
        if self.lie == Lie::BusyXenStore {
            // As many nodes as the lie above writes, which mean nothing to anybody.
            for node in 0..self.advert.nodes().len() {
                let _ = xenbus::write(
                    format_args!("data/hostile/{node}"),
                    format_args!("{}", random_u64()),
                );
            }
        }
    }
}

fn advertise(advert: &Advert) -> Result {
    advert.nodes().iter().try_for_each(|(node, value)| {
        xenbus::write(
            format_args!("{}", Path::own(*node)),
            format_args!("{value}"),
        )
    })
}

/// Notes that dom0 told something.
struct PeerWatch(Kick);

impl WatchHandler for PeerWatch {
    fn changed(&self, _path: &str) {
        self.0.get().told.store(true, Release);
        self.0.kick();
    }
}

struct HostileModule {
    worker: Kick,
    _watch: Watch<PeerWatch>,
}

impl kernel::Module for HostileModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let text = xenbus::read(format_args!("data/hostile/lie"))?.ok_or(ENOENT)?;
        // In front of a lie about packets that are of IPv6.
        let (name, ipv6) = match text.strip_prefix("ipv6-") {
            Some(name) => (name, true),
            None => (&*text, false),
        };
        let lie = Lie::parse(name).filter(|lie| ipv6 || !lie.is_of_ipv6());
        let lie = lie.ok_or(EINVAL).inspect_err(|_| {
            pr_err!("there is no lie called {}\n", &*text);
        })?;
        let domid = xenbus::read(format_args!("domid"))?.ok_or(ENODEV)?;
        let nic = nic::first_netfront().ok_or(ENODEV)?;
        let rtnl = Rtnl::lock();
        let mac = nic
            .mac(&rtnl)
            .and_then(|mac| Mac::new(mac).ok())
            .ok_or(ENODEV)?;
        let mut addrs = Addrs::new();
        nic.ipv4_addresses(&rtnl, |address| {
            let _ = addrs.push(IpAddr::V4(address));
        });
        for address in nic.ipv6_addresses::<MAX_ADDRS>(&rtnl).iter() {
            let _ = addrs.push(IpAddr::V6(address));
        }
        drop(rtnl);
        let advert = Advert {
            version: Version::Two,
            features: 0,
            instance: random_u64(),
            mac,
            addrs,
        };
        xenbus::remove(format_args!("{}", Path::own(Node::Root)))?;
        let state = State {
            own: DomId::parse(&domid).map_err(|_| ENODEV)?,
            lie,
            ipv6,
            advert,
            renewed: 0,
            victims: KVec::new(),
        };
        let worker = new_worker!(pin_init!(Hostile {
            state <- new_mutex!(state),
            told: Atomic::new(false),
        }))?;
        let watch = Watch::new(
            format_args!("{}", Path::own(Node::Peers)),
            PeerWatch(worker.clone()),
        )?;
        let this = Self {
            worker,
            _watch: watch,
        };
        advertise(&advert)?;
        Ok(this)
    }
}

impl Drop for HostileModule {
    fn drop(&mut self) {
        self.worker.stop();
        // Whoever is lied to has to live with how little of an end this is.
        let _ = xenbus::remove(format_args!("{}", Path::own(Node::Root)));
        self.worker.get().state.lock().victims.clear();
    }
}
