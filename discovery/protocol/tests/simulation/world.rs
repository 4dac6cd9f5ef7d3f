// SPDX-License-Identifier: GPL-2.0

//! The clock, XenStore with its watches, and shared memory.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;

use xlnet_protocol::{ChannelId, DomId, Node, Path, PeerState, Tree};

use crate::dom0::Dom0;
use crate::faults::Fault;
use crate::guest::Machine;
use crate::rng::Rng;

/// Milliseconds of simulated time.
pub type Ms = u64;

#[derive(Default)]
pub struct Config {
    pub guests: usize,
    pub bridges: u32,
    /// The last guest is hostile: it writes what it likes.
    pub hostile: bool,
    /// How long things go wrong.
    pub faults_ms: Ms,
    pub faults_per_minute: u64,
    /// How many of 1000 actions are a guest's last.
    pub crashes_per_mille: u64,
    /// Only faults in which both sides live on and close in good order.
    pub orderly: bool,
}

/// Something that will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// A guest's watch fires for `peer/<P>`.
    Watch { to: Module, peer: DomId },
    /// A guest's watch is renewed, after which it fires for all that is there.
    Rescan { to: Module },
    /// The event channel of a guest fires.
    Event { to: Module, peer: DomId },
    /// The deadline of a handshake passes.
    Timer { to: Module, peer: DomId },
    /// A guest sends packets.
    Traffic { to: Module, peer: DomId },
    /// dom0's watch fires for an advert or a domain.
    Roster,
    /// dom0's watch fires for `offer/<P>` of G.
    Relay { from: DomId, to: DomId },
    /// Something goes wrong.
    Fault(Fault),
}

/// One life of the module in one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Module {
    pub machine: usize,
    pub life: u64,
}

/// A guest's half of a channel, as the other maps it.
pub struct Page {
    pub granted_to: DomId,
    pub channel: ChannelId,
    pub state: PeerState,
    /// Packets the owner has put in its ring.
    pub sent: u64,
    /// Packets the owner has taken from the other's ring.
    pub received: u64,
}

pub type Shared = Rc<RefCell<Page>>;

pub struct World {
    pub config: Config,
    pub rng: Rng,
    pub now: Ms,
    /// Things go wrong.
    pub faulty: bool,
    queue: BinaryHeap<Reverse<(Ms, u64, Job)>>,
    sequence: u64,
    /// Watch events under way: a second one for the same thing merges with it.
    pending: BTreeSet<Job>,
    pub store: BTreeMap<String, String>,
    /// All grants, by domain (not by its id, which is reused) and reference.
    pub grants: BTreeMap<(u64, u32), Shared>,
    pub machines: Vec<Machine>,
    pub dom0: Dom0,
    /// Gives every domain and every life of a module its number.
    lives: u64,
    pub channels_opened: u64,
    pub packets_sent: u64,
    pub packets_lost: u64,
}

impl World {
    pub fn new(seed: u64, config: Config) -> Self {
        let mut world = Self {
            rng: Rng::new(seed),
            now: 1_000,
            faulty: false,
            queue: BinaryHeap::new(),
            sequence: 0,
            pending: BTreeSet::new(),
            store: BTreeMap::new(),
            grants: BTreeMap::new(),
            machines: Vec::new(),
            dom0: Dom0::new(),
            lives: 0,
            channels_opened: 0,
            packets_sent: 0,
            packets_lost: 0,
            config,
        };
        for i in 0..world.config.guests {
            let hostile = world.config.hostile && i + 1 == world.config.guests;
            let bridge = 1 + i as u32 % world.config.bridges;
            world.machines.push(Machine::new(i, bridge, hostile));
            world.create_domain(i, DomId::new(i as u16 + 1).unwrap());
            world.load(i);
        }
        world
    }

    pub fn new_life(&mut self) -> u64 {
        self.lives += 1;
        self.lives
    }

    pub fn schedule(&mut self, delay: Ms, job: Job) {
        self.sequence += 1;
        let entry = (self.now + delay, self.sequence, job);
        self.queue.push(Reverse(entry));
    }

    /// Lets everything happen that happens before `end`.
    pub fn run_until(&mut self, end: Ms) {
        while let Some(Reverse((at, _, job))) = self.queue.peek().copied() {
            if at > end {
                break;
            }
            self.queue.pop();
            self.now = at;
            self.dispatch(job);
        }
        self.now = end;
    }

    fn dispatch(&mut self, job: Job) {
        self.pending.remove(&job);
        let to = match job {
            Job::Roster => return self.roster(),
            Job::Relay { from, to } => return self.relay(from, to),
            Job::Fault(fault) => return self.fault(fault),
            Job::Watch { to, .. }
            | Job::Rescan { to }
            | Job::Event { to, .. }
            | Job::Timer { to, .. }
            | Job::Traffic { to, .. } => to,
        };
        let machine = &self.machines[to.machine];
        if machine.module() != Some(to) {
            return;
        }
        if machine.paused_until > self.now {
            let delay = machine.paused_until - self.now;
            return self.schedule(delay, job);
        }
        match job {
            Job::Watch { peer, .. } => self.peer_changed(to, peer),
            Job::Event { peer, .. } => self.event(to, peer),
            Job::Timer { peer, .. } => self.timer(to, peer),
            Job::Traffic { peer, .. } => self.traffic(to, peer),
            _ => self.rescan(to),
        }
    }

    pub fn read(&self, path: Path) -> Option<&str> {
        self.store.get(&path.to_string()).map(String::as_str)
    }

    pub fn write(&mut self, path: Path, value: String) {
        self.store.insert(path.to_string(), value);
        self.changed(path);
    }

    /// Removes a node and all below it.
    pub fn remove(&mut self, top: &str) {
        let mut gone = Vec::new();
        for (path, _) in self.store.range(top.to_string()..) {
            let Some(rest) = path.strip_prefix(top) else {
                break;
            };
            if rest.is_empty() || rest.starts_with('/') {
                gone.push(path.clone());
            }
        }
        for path in gone {
            self.store.remove(&path);
            if let Some(path) = Path::parse(&path) {
                self.changed(path);
            }
        }
    }

    /// Fires the watches of whoever reads the node.
    fn changed(&mut self, path: Path) {
        let Tree::Of(guest) = path.tree else {
            panic!("not a path of dom0's: {path}");
        };
        let job = match path.node {
            Node::Peer(peer) | Node::PeerOffer(peer) => {
                let module = self
                    .machine_of(guest)
                    .and_then(|i| self.machines[i].module());
                let Some(to) = module else { return };
                Job::Watch { to, peer }
            }
            Node::Offer(to) => Job::Relay { from: guest, to },
            _ => Job::Roster,
        };
        if self.faulty && !self.config.orderly && self.rng.chance(3) {
            // Lost, and made good when the watch is renewed.
            let delay = self.rng.below(5_000);
            let renewed = match job {
                Job::Watch { to, .. } => Job::Rescan { to },
                _ => Job::Fault(Fault::RenewDom0),
            };
            return self.schedule(delay, renewed);
        }
        if self.pending.insert(job) {
            let delay = self.delay();
            self.schedule(delay, job);
        }
    }

    /// How long a watch event takes.
    pub fn delay(&mut self) -> Ms {
        if self.faulty && self.rng.chance(5) {
            return self.rng.below(3_000);
        }
        1 + self.rng.below(30)
    }

    /// The machine that runs as domain `domid` now.
    pub fn machine_of(&self, domid: DomId) -> Option<usize> {
        let running = |machine: &Machine| machine.domid() == Some(domid);
        self.machines.iter().position(running)
    }
}
