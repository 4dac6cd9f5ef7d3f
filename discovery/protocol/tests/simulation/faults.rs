// SPDX-License-Identifier: GPL-2.0

//! What goes wrong, and what must hold once it has stopped.

use xlnet_protocol::roster::introduction;
use xlnet_protocol::{DomId, Event, Node, Path};

use crate::world::{Job, Ms, World};

/// Things that go wrong, with the machine they happen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Something random, and the next one after it.
    Any,
    /// The domain dies and comes back, with the same domain id or another.
    Destroy(usize),
    /// The domain comes back.
    Create(usize, DomId),
    /// The module is loaded again, when the old one is done.
    Load(usize),
    /// The link comes up again.
    Up(usize),
    /// dom0's module is loaded again.
    StartDom0,
    /// dom0's watches are renewed.
    RenewDom0,
}

impl World {
    pub fn run_with_faults(&mut self) {
        let end = self.now + self.config.faults_ms;
        if self.config.faults_per_minute > 0 {
            self.faulty = true;
            self.schedule(0, Job::Fault(Fault::Any));
        }
        self.run_until(end);
        self.faulty = false;
    }

    pub fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Any => {
                if self.faulty {
                    self.any_fault();
                    let mean = 60_000 / self.config.faults_per_minute;
                    let delay = self.rng.below(2 * mean);
                    self.schedule(delay, Job::Fault(Fault::Any));
                }
            }
            Fault::Destroy(i) => {
                let Some(old) = self.machines[i].domid() else {
                    return;
                };
                self.destroy_domain(i);
                let reuse = self.rng.chance(50);
                let domid = if reuse { old } else { self.free_domid() };
                let delay = self.short_or_long();
                self.schedule(delay, Job::Fault(Fault::Create(i, domid)));
            }
            Fault::Create(i, domid) => {
                // Xen gives no id twice: another may have taken this one by now.
                let taken = self.machine_of(domid).is_some();
                let domid = if taken { self.free_domid() } else { domid };
                self.create_domain(i, domid);
                self.load(i);
            }
            Fault::Load(i) => {
                if self.machines[i].leaving() {
                    self.schedule(10, Job::Fault(Fault::Load(i)));
                } else if self.machines[i].module().is_none() {
                    self.load(i);
                }
            }
            Fault::Up(i) => {
                if !self.machines[i].leaving() {
                    self.set_up(i, true);
                }
            }
            Fault::StartDom0 => {
                self.dom0.running = true;
                self.renew_dom0();
            }
            Fault::RenewDom0 => self.renew_dom0(),
        }
    }

    fn any_fault(&mut self) {
        let i = self.rng.below(self.machines.len() as u64) as usize;
        if self.machines[i].hostile {
            return self.hostile_advert(i);
        }
        let kinds = if self.config.orderly { 2 } else { 10 };
        match self.rng.below(kinds) {
            0 => {
                self.unload(i);
                let delay = self.short_or_long();
                self.schedule(delay, Job::Fault(Fault::Load(i)));
            }
            1 => {
                self.set_up(i, false);
                let delay = self.short_or_long();
                self.schedule(delay, Job::Fault(Fault::Up(i)));
            }
            2 => self.fault(Fault::Destroy(i)),
            3 => {
                self.forget_module(i);
                let delay = self.short_or_long();
                self.schedule(delay, Job::Fault(Fault::Load(i)));
            }
            4 => self.machines[i].paused_until = self.now + self.rng.below(8_000),
            5 => {
                self.machines[i].bridge = 1 + self.rng.below(self.config.bridges.into()) as u32;
                let delay = self.delay();
                self.schedule(delay, Job::Roster);
            }
            6 => {
                let clean = self.rng.chance(50);
                self.stop_dom0(clean);
                let delay = self.short_or_long();
                self.schedule(delay, Job::Fault(Fault::StartDom0));
            }
            7 => self.tell_all(i, Event::Renew),
            kind => {
                let peers = self.machines[i].peers();
                if !peers.is_empty() {
                    let peer = peers[self.rng.below(peers.len() as u64) as usize];
                    let rare = kind == 8 && self.rng.chance(30);
                    let event = if rare { Event::Broken } else { Event::Stalled };
                    self.tell(i, peer, event);
                }
            }
        }
    }

    /// A hostile guest advertises somebody else's MAC or address, or nonsense.
    fn hostile_advert(&mut self, i: usize) {
        let Some(domid) = self.machines[i].domid() else {
            return;
        };
        let victim = self.rng.below(self.machines.len() as u64) as usize;
        let (node, value) = match self.rng.below(5) {
            0 => (Node::Mac, self.machines[victim].mac.to_string()),
            1 => (Node::Addr, self.machines[victim].addrs.to_string()),
            2 => (Node::Addr, "255.255.255.255".to_string()),
            3 => (Node::Instance, "not a number".to_string()),
            _ => return self.load(i),
        };
        self.write(Path::of(domid, node), value);
    }

    fn short_or_long(&mut self) -> Ms {
        let limit = if self.rng.chance(50) { 20 } else { 3_000 };
        self.rng.below(limit)
    }

    fn free_domid(&mut self) -> DomId {
        loop {
            let domid = DomId::new(1 + self.rng.below(0x7fef) as u16).unwrap();
            if self.machine_of(domid).is_none() {
                return domid;
            }
        }
    }

    /// The ordered pairs of guests that may meet.
    fn pairs(&self) -> Vec<(DomId, DomId)> {
        let guests = self.evaluate();
        let met = |(a, b)| introduction(a, b).ok().map(|_| (a.domid(), b.domid()));
        let all = guests
            .iter()
            .flat_map(|a| guests.iter().map(move |b| (a, b)));
        all.filter_map(met).collect()
    }

    /// Waits for what the faults set in motion, then for all channels, and checks that nothing else
    /// is left. Returns how long all that took.
    pub fn converge(&mut self) -> Ms {
        let start = self.now;
        // Whatever was stopped is started again within this time.
        if self.config.faults_per_minute > 0 {
            self.run_until(start + 10_000);
        }
        for i in 0..self.machines.len() {
            let machine = &self.machines[i];
            assert!(machine.module().is_some() && !machine.leaving() && machine.up());
            if machine.broken_peers() {
                // A peer that broke the rules gets no other chance before one of the two restarts.
                self.unload(i);
                self.schedule(1_000, Job::Fault(Fault::Load(i)));
            }
        }
        assert!(self.dom0.running);
        // Ten seconds, then the longest pause, the wait before it, and some time for watches.
        while !self.converged() {
            assert!(self.now < start + 55_000, "{}", self.state());
            self.run_until(self.now + 50);
        }
        let took = self.now - start;
        self.run_until(self.now + 3_000);
        assert!(self.converged(), "did not last: {}", self.state());
        self.check_leftovers();
        took
    }

    fn hostile(&self, domid: DomId) -> bool {
        let machine = self.machine_of(domid);
        machine.is_some_and(|i| self.machines[i].hostile)
    }

    /// The pairs that have to be connected.
    fn expected(&self) -> Vec<(DomId, DomId)> {
        let mut pairs = self.pairs();
        pairs.retain(|(a, b)| !self.hostile(*a) && !self.hostile(*b));
        pairs
    }

    fn converged(&self) -> bool {
        let open = |a: DomId, b: DomId| self.machines[self.machine_of(a)?].connected(b);
        let mut expected = self.expected().into_iter();
        expected.all(|(a, b)| open(a, b).is_some() && open(a, b) == open(b, a))
    }

    fn check_leftovers(&self) {
        let expected = self.expected();
        let mut halves = 0;
        for machine in self.machines.iter().filter(|machine| !machine.hostile) {
            let own = machine.domid().unwrap();
            for peer in machine.peers() {
                if expected.contains(&(own, peer)) {
                    halves += 1;
                    let offer = self.read(Path::of(own, Node::Offer(peer)));
                    assert!(offer.is_some(), "{own} has no offer to {peer}");
                } else if self.hostile(peer) {
                    // It may be trying still.
                    halves += usize::from(!machine.idle(peer));
                    assert_eq!(machine.connected(peer), None);
                } else {
                    assert!(machine.idle(peer), "{own} holds a channel to {peer}");
                }
            }
        }
        assert_eq!(self.grants.len(), halves, "grants were left behind");
    }

    /// For the message of a run that did not converge.
    fn state(&self) -> String {
        let mut text = String::new();
        for (a, b) in self.expected() {
            let open = self.machines[self.machine_of(a).unwrap()].connected(b);
            text += &format!("\n{a} -> {b}: {open:x?}");
        }
        for (path, value) in &self.store {
            text += &format!("\n{path} = {value}");
        }
        text
    }
}
