// SPDX-License-Identifier: GPL-2.0

//! dom0: the roster written to XenStore, and the relay of offers.

use std::collections::BTreeSet;

use xlnet_protocol::roster::{peers, Guest, GuestWish, Policy};
use xlnet_protocol::{Advert, AdvertText, DomId, Node, Path, Tree};

use crate::evaluate::evaluate;
use crate::vif::vif;
use crate::world::World;

pub struct Dom0 {
    /// The module is loaded.
    pub running: bool,
    /// Who was introduced to whom. Not kept over a restart: XenStore has it too.
    pairs: BTreeSet<(DomId, DomId)>,
}

impl Dom0 {
    pub fn new() -> Self {
        Self {
            running: true,
            pairs: BTreeSet::new(),
        }
    }
}

impl World {
    /// Who may meet whom, and what each is to be told, from XenStore and the bridges.
    pub fn evaluate(&self) -> Vec<Guest> {
        let mut vifs = Vec::new();
        let running = self.machines.iter().filter_map(|machine| {
            let domid = machine.domid()?;
            let read = |node| self.read(Path::of(domid, node));
            let advert = read(Node::Version).map(|version| {
                Advert::parse(&AdvertText {
                    version,
                    features: read(Node::Features),
                    instance: read(Node::Instance),
                    mac: read(Node::Mac),
                    addr: read(Node::Addr),
                })
            });
            vifs.push(vif(domid, machine.mac, machine.bridge));
            Some(Guest::new(domid, advert, GuestWish::default()))
        });
        let mut guests: Vec<_> = running.collect();
        evaluate(&mut guests, &mut vifs, &Policy::default(), &mut |_| ());
        guests
    }

    /// Brings all peer entries up to date.
    pub fn roster(&mut self) {
        if !self.dom0.running {
            return;
        }
        let guests = self.evaluate();
        let mut pairs = BTreeSet::new();
        for (i, guest) in guests.iter().enumerate() {
            for (peer, told) in peers(&guests, i) {
                let Ok(entry) = told else { continue };
                let (guest, peer) = (guest.domid(), peer.domid());
                pairs.insert((guest, peer));
                let path = Path::of(guest, Node::Peer(peer));
                let value = entry.to_string();
                if self.read(path) != Some(value.as_str()) {
                    self.write(path, value);
                }
            }
        }
        // What an earlier life of the module wrote counts as well.
        let written = self.store.keys().filter_map(|path| {
            let path = Path::parse(path)?;
            match (path.tree, path.node) {
                (Tree::Of(guest), Node::Peer(peer)) => Some((guest, peer)),
                _ => None,
            }
        });
        let gone: Vec<_> = written.filter(|pair| !pairs.contains(pair)).collect();
        for (guest, peer) in gone {
            self.remove(&Path::of(guest, Node::Peer(peer)).to_string());
        }
        let fresh: Vec<_> = pairs.difference(&self.dom0.pairs).copied().collect();
        self.dom0.pairs = pairs;
        for (guest, peer) in fresh {
            self.relay(peer, guest);
        }
    }

    /// Shows `to` the offer of `from`.
    pub fn relay(&mut self, from: DomId, to: DomId) {
        if !self.dom0.running || !self.dom0.pairs.contains(&(to, from)) {
            return;
        }
        let relayed = Path::of(to, Node::PeerOffer(from));
        let offer = self.read(Path::of(from, Node::Offer(to)));
        match offer.map(str::to_string) {
            Some(offer) if self.read(relayed) != Some(offer.as_str()) => {
                self.write(relayed, offer);
            }
            Some(_) => {}
            None => self.remove(&relayed.to_string()),
        }
    }

    /// The module starts, or its watches are renewed: it looks at everything.
    pub fn renew_dom0(&mut self) {
        self.dom0.pairs.clear();
        self.roster();
    }

    /// The module is unloaded; it may take the peer entries with it.
    pub fn stop_dom0(&mut self, clean: bool) {
        self.dom0.running = false;
        if clean {
            let running: Vec<_> = self.machines.iter().filter_map(|m| m.domid()).collect();
            for guest in running {
                self.remove(&Path::of(guest, Node::Peers).to_string());
            }
        }
    }
}
