// SPDX-License-Identifier: GPL-2.0

//! Guests: their domains, their modules, and what a module does for its handshakes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use xlnet_protocol::{
    Action, Addrs, Advert, ChannelId, DomId, Event, Failed, Handshake, Mac, Node, Offer, Path,
    PeerEntry, PeerState, PeerView, Role, State, Tree, Version,
};

use crate::faults::Fault;
use crate::world::{Job, Module, Ms, Page, Shared, World};

/// A virtual machine: the same over all its lives.
pub struct Machine {
    pub mac: Mac,
    pub addrs: Addrs,
    pub bridge: u32,
    pub hostile: bool,
    pub paused_until: Ms,
    domain: Option<Domain>,
    loaded: Option<Loaded>,
    index: usize,
}

struct Domain {
    domid: DomId,
    life: u64,
    next_grant: u32,
}

/// The module, while it is loaded.
struct Loaded {
    life: u64,
    /// Unloads when all channels are closed.
    leaving: bool,
    up: bool,
    peers: BTreeMap<DomId, Peer>,
}

struct Peer {
    handshake: Handshake,
    link: Link,
    timer: Option<Ms>,
}

/// Packets that fit in a ring.
const RING: u64 = 64;

/// The packets in a ring. The modules would take any other number for a broken peer.
fn ahead(sender: &Page, receiver: &Page) -> u64 {
    let ahead = sender.sent.checked_sub(receiver.received);
    let ahead = ahead.filter(|packets| *packets <= RING);
    ahead.expect("the indices of two honest guests fit")
}

/// What there is of a channel.
#[derive(Default)]
struct Link {
    own: Option<(u32, Shared)>,
    mapped: Option<Shared>,
    sending: bool,
    offered: bool,
}

impl Machine {
    pub fn new(index: usize, bridge: u32, hostile: bool) -> Self {
        let mut addrs = Addrs::new();
        let [high, low] = (index as u16).to_be_bytes();
        addrs.push([10, 0, high, low].into()).unwrap();
        Self {
            mac: Mac::new([0, 0x16, 0x3e, 0, high, low]).unwrap(),
            addrs,
            bridge,
            hostile,
            paused_until: 0,
            domain: None,
            loaded: None,
            index,
        }
    }

    pub fn domid(&self) -> Option<DomId> {
        self.domain.as_ref().map(|domain| domain.domid)
    }

    pub fn module(&self) -> Option<Module> {
        let life = self.loaded.as_ref()?.life;
        let machine = self.index;
        Some(Module { machine, life })
    }

    pub fn peers(&self) -> Vec<DomId> {
        let loaded = self.loaded.iter();
        loaded
            .flat_map(|loaded| loaded.peers.keys().copied())
            .collect()
    }

    pub fn broken_peers(&self) -> bool {
        let loaded = self.loaded.iter();
        let mut peers = loaded.flat_map(|loaded| loaded.peers.values());
        peers.any(|peer| peer.handshake.broken())
    }

    pub fn leaving(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.leaving)
    }

    pub fn up(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.up)
    }

    /// The channel to `peer`, if it is open.
    pub fn connected(&self, peer: DomId) -> Option<ChannelId> {
        let peer = self.loaded.as_ref()?.peers.get(&peer)?;
        let open = matches!(peer.handshake.state(), State::Connected { .. });
        assert_eq!(open, peer.link.sending);
        peer.handshake.channel().filter(|_| open)
    }

    /// Whether nothing is allocated for `peer`.
    pub fn idle(&self, peer: DomId) -> bool {
        let peer = self.loaded.as_ref().and_then(|l| l.peers.get(&peer));
        peer.is_none_or(|peer| peer.link.own.is_none() && peer.link.mapped.is_none())
    }
}

impl World {
    pub fn create_domain(&mut self, i: usize, domid: DomId) {
        let life = self.new_life();
        self.machines[i].domain = Some(Domain {
            domid,
            life,
            next_grant: 8,
        });
        self.machines[i].paused_until = 0;
    }

    /// The domain is gone, without a word: only what others hold of it remains.
    pub fn destroy_domain(&mut self, i: usize) {
        let Some(domain) = self.machines[i].domain.take() else {
            return;
        };
        self.machines[i].loaded = None;
        self.grants.retain(|(life, _), _| *life != domain.life);
        self.remove(&format!("/local/domain/{}", domain.domid));
        // @releaseDomain
        let delay = self.delay();
        self.schedule(delay, Job::Roster);
    }

    /// Loads the module: a new instance.
    pub fn load(&mut self, i: usize) {
        let Some(domid) = self.machines[i].domid() else {
            return;
        };
        let life = self.new_life();
        let instance = self.rng.next();
        let machine = &mut self.machines[i];
        machine.loaded = Some(Loaded {
            life,
            leaving: false,
            up: true,
            peers: BTreeMap::new(),
        });
        let advert = Advert {
            version: Version::Two,
            features: 0,
            instance,
            mac: machine.mac,
            addrs: machine.addrs,
        };
        for (node, value) in advert.nodes() {
            self.write(Path::of(domid, node), value.to_string());
        }
        // A new watch fires at once.
        let to = Module { machine: i, life };
        let delay = self.delay();
        self.schedule(delay, Job::Rescan { to });
    }

    /// The module is gone without having cleaned up (a new kernel was started in the domain).
    pub fn forget_module(&mut self, i: usize) {
        let machine = &mut self.machines[i];
        machine.loaded = None;
        if let Some(domain) = &machine.domain {
            let life = domain.life;
            self.grants.retain(|(owner, _), _| *owner != life);
        }
    }

    /// Begins to unload the module in good order; it is done when all channels are closed.
    pub fn unload(&mut self, i: usize) {
        let (Some(domid), Some(loaded)) =
            (self.machines[i].domid(), self.machines[i].loaded.as_mut())
        else {
            return;
        };
        loaded.leaving = true;
        self.remove(&Path::of(domid, Node::Version).to_string());
        self.tell_all(i, Event::Shutdown);
        self.finish_unload(i);
    }

    fn finish_unload(&mut self, i: usize) {
        let Some(loaded) = &self.machines[i].loaded else {
            return;
        };
        let mut peers = loaded.peers.values();
        if loaded.leaving && peers.all(|peer| peer.handshake.state() == State::Idle) {
            self.machines[i].loaded = None;
        }
    }

    pub fn set_up(&mut self, i: usize, up: bool) {
        if let Some(loaded) = &mut self.machines[i].loaded {
            loaded.up = up;
        }
        self.tell_all(i, if up { Event::Up } else { Event::Shutdown });
    }

    pub fn tell_all(&mut self, i: usize, event: Event) {
        for peer in self.machines[i].peers() {
            self.tell(i, peer, event);
        }
    }

    /// Looks at all peer entries.
    pub fn rescan(&mut self, to: Module) {
        let machine = &self.machines[to.machine];
        let Some(domid) = machine.domid() else { return };
        let mut peers: BTreeSet<_> = machine.peers().into_iter().collect();
        let top = Path::of(domid, Node::Peers).to_string();
        for (path, _) in self.store.range(top.clone()..) {
            match Path::parse(path) {
                Some(path) if path.tree != Tree::Of(domid) => break,
                Some(Path {
                    node: Node::Peer(peer),
                    ..
                }) => {
                    peers.insert(peer);
                }
                _ => {}
            }
        }
        for peer in peers {
            self.peer_changed(to, peer);
        }
    }

    /// Looks at the entry of one peer, and at its offer.
    pub fn peer_changed(&mut self, to: Module, peer: DomId) {
        let i = to.machine;
        let Some(own) = self.machines[i].domid() else {
            return;
        };
        let read = |node| self.read(Path::of(own, node));
        let entry = read(Node::Peer(peer)).and_then(|text| PeerEntry::parse(text).ok());
        let offer = read(Node::PeerOffer(peer)).and_then(|text| Offer::parse(text).ok());
        if self.machines[i].hostile {
            return self.hostile_peer_changed(i, peer, entry);
        }
        let generation = self.rng.next() as u32;
        let Some(loaded) = &mut self.machines[i].loaded else {
            return;
        };
        if entry.is_some() && !loaded.leaving && !loaded.peers.contains_key(&peer) {
            let mut handshake = Handshake::new(own, peer, generation);
            if !loaded.up {
                handshake.step(Event::Shutdown, self.now);
            }
            loaded.peers.insert(
                peer,
                Peer {
                    handshake,
                    link: Link::default(),
                    timer: None,
                },
            );
        }
        let known = match entry {
            Some(entry) => Event::Introduced { nonce: entry.nonce },
            None => Event::Withdrawn,
        };
        self.tell(i, peer, known);
        self.tell(i, peer, Event::PeerOffer(offer));
        // Nothing of a withdrawn peer is kept.
        if let Some(loaded) = &mut self.machines[i].loaded {
            let gone = |peer: &Peer| peer.handshake.state() == State::Idle;
            if entry.is_none() && loaded.peers.get(&peer).is_some_and(gone) {
                loaded.peers.remove(&peer);
            }
        }
    }

    /// A hostile guest answers every introduction with an offer of what it does not have.
    fn hostile_peer_changed(&mut self, i: usize, peer: DomId, entry: Option<PeerEntry>) {
        let (Some(own), Some(entry)) = (self.machines[i].domid(), entry) else {
            return;
        };
        let generation = self.rng.next() as u32;
        let offer = Offer {
            channel: ChannelId {
                nonce: entry.nonce,
                generation,
            },
            grant: 8 + self.rng.below(20) as u32,
            port: Some(1),
        };
        self.write(Path::of(own, Node::Offer(peer)), offer.to_string());
    }

    /// The event channel: look at shared memory, receive, and say what is there.
    pub fn event(&mut self, to: Module, peer: DomId) {
        let slow = self.rng.chance(20);
        let link = self.link(to, peer);
        let Some((own, mapped)) = link.and_then(|link| {
            let own = link.own.as_ref()?.1.clone();
            Some((own, link.mapped.clone()?))
        }) else {
            return;
        };
        // The state first: what it says about sending then holds for the rings.
        let state = mapped.borrow().state;
        let waiting = ahead(&mapped.borrow(), &own.borrow());
        let taken = if slow { waiting / 2 } else { waiting };
        own.borrow_mut().received += taken;
        let view = PeerView {
            state,
            rx_empty: taken == waiting,
            tx_empty: ahead(&own.borrow(), &mapped.borrow()) == 0,
        };
        let closing = own.borrow().state != PeerState::Ready || state != PeerState::Ready;
        if taken > 0 && closing {
            self.notify(to.machine, peer);
        }
        if taken < waiting {
            self.schedule(2, Job::Event { to, peer });
        }
        self.tell(to.machine, peer, Event::Peer(view));
    }

    pub fn timer(&mut self, to: Module, peer: DomId) {
        let loaded = self.machines[to.machine].loaded.as_mut();
        let Some(peer_state) = loaded.and_then(|loaded| loaded.peers.get_mut(&peer)) else {
            return;
        };
        peer_state.timer = None;
        self.tell(to.machine, peer, Event::Tick);
    }

    /// A few packets, if there is room.
    pub fn traffic(&mut self, to: Module, peer: DomId) {
        let burst = 1 + self.rng.below(4);
        let Some(link) = self.link(to, peer).filter(|link| link.sending) else {
            return;
        };
        let (Some((_, own)), Some(mapped)) = (&link.own, &link.mapped) else {
            panic!("sending without a channel");
        };
        let room = RING - ahead(&own.borrow(), &mapped.borrow());
        let burst = burst.min(room);
        own.borrow_mut().sent += burst;
        self.packets_sent += burst;
        self.notify(to.machine, peer);
        let delay = 200 + self.rng.below(800);
        self.schedule(delay, Job::Traffic { to, peer });
    }

    fn link(&self, to: Module, peer: DomId) -> Option<&Link> {
        let loaded = self.machines[to.machine].loaded.as_ref()?;
        Some(&loaded.peers.get(&peer)?.link)
    }

    /// Fires the other end of the event channel.
    fn notify(&mut self, i: usize, peer: DomId) {
        let own = self.machines[i].domid();
        let there = self
            .machine_of(peer)
            .and_then(|j| self.machines[j].module());
        if let (Some(own), Some(to)) = (own, there) {
            let delay = self.rng.below(3);
            self.schedule(delay, Job::Event { to, peer: own });
        }
    }

    /// Hands an event to a handshake and does what it asks for.
    pub fn tell(&mut self, i: usize, domid: DomId, event: Event) {
        let loaded = self.machines[i].loaded.as_mut();
        let Some(mut peer) = loaded.and_then(|loaded| loaded.peers.remove(&domid)) else {
            return;
        };
        let role = peer.handshake.role();
        let broken = peer.handshake.broken();
        let now = self.now;
        let Peer {
            handshake, link, ..
        } = &mut peer;
        handshake.drive(event, now, |action| {
            self.crash_at_this_step(i);
            self.perform(i, domid, role, link, event, action)
        });
        let accused = !broken && peer.handshake.broken();
        assert!(!accused || event == Event::Broken, "{event:?}");
        let deadline = peer.handshake.deadline();
        if let Some(at) = deadline.filter(|_| deadline != peer.timer) {
            peer.timer = deadline;
            let to = self.machines[i].module().unwrap();
            let delay = at.saturating_sub(now) + self.rng.below(5);
            self.schedule(delay, Job::Timer { to, peer: domid });
        }
        if let Some(loaded) = &mut self.machines[i].loaded {
            loaded.peers.insert(domid, peer);
        }
        self.finish_unload(i);
    }

    fn crash_at_this_step(&mut self, i: usize) {
        if self.faulty && self.rng.below(1_000) < self.config.crashes_per_mille {
            let delay = self.rng.below(3);
            self.schedule(delay, Job::Fault(Fault::Destroy(i)));
        }
    }

    fn perform(
        &mut self,
        i: usize,
        peer: DomId,
        role: Role,
        link: &mut Link,
        event: Event,
        action: &Action,
    ) -> Result<(), Failed> {
        let refused = self.faulty && !self.config.orderly && self.rng.chance(8);
        let domain = self.machines[i].domain.as_mut().unwrap();
        match *action {
            Action::Allocate(channel) => {
                assert!(link.own.is_none() && link.mapped.is_none());
                if refused {
                    return Err(Failed);
                }
                let page = Rc::new(RefCell::new(Page {
                    granted_to: peer,
                    channel,
                    state: PeerState::Init,
                    sent: 0,
                    received: 0,
                }));
                let grant = domain.next_grant;
                domain.next_grant += 1;
                let life = domain.life;
                self.grants.insert((life, grant), page.clone());
                link.own = Some((grant, page));
            }
            Action::WriteOffer(channel) => {
                if refused {
                    return Err(Failed);
                }
                let own = domain.domid;
                let grant = link.own.as_ref().unwrap().0;
                let port = (role == Role::Initiator).then_some(1);
                let offer = Offer {
                    channel,
                    grant,
                    port,
                };
                link.offered = true;
                self.write(Path::of(own, Node::Offer(peer)), offer.to_string());
            }
            Action::Map(offer) => {
                assert!(link.own.is_some() && link.mapped.is_none());
                let own = domain.domid;
                if refused || offer.port.is_some() != (role == Role::Responder) {
                    return Err(Failed);
                }
                let there = self.machine_of(peer).ok_or(Failed)?;
                let life = self.machines[there].domain.as_ref().unwrap().life;
                let page = self.grants.get(&(life, offer.grant)).ok_or(Failed)?;
                let state = match role {
                    Role::Initiator => PeerState::Ready,
                    Role::Responder => PeerState::Init,
                };
                let ready = page.borrow().state == state;
                let fits =
                    page.borrow().granted_to == own && page.borrow().channel == offer.channel;
                if !ready || !fits {
                    return Err(Failed);
                }
                link.mapped = Some(page.clone());
            }
            Action::SetReady => {
                link.own.as_ref().unwrap().1.borrow_mut().state = PeerState::Ready;
                self.notify(i, peer);
            }
            Action::OpenDataPath => {
                assert!(link.mapped.is_some() && !link.sending);
                link.sending = true;
                self.channels_opened += 1;
                let to = self.machines[i].module().unwrap();
                self.schedule(1, Job::Traffic { to, peer });
            }
            Action::BeginClose => {
                assert!(link.mapped.is_some());
                link.sending = false;
                link.own.as_ref().unwrap().1.borrow_mut().state = PeerState::Closing;
                self.notify(i, peer);
            }
            Action::Release => {
                let domain = (domain.domid, domain.life);
                self.release(i, peer, link, domain, event);
            }
        }
        Ok(())
    }

    fn release(
        &mut self,
        i: usize,
        peer: DomId,
        link: &mut Link,
        (own, life): (DomId, u64),
        event: Event,
    ) {
        if let (Some((_, own)), Some(mapped)) = (&link.own, &link.mapped) {
            let (own, mapped) = (own.borrow(), mapped.borrow());
            let unread = ahead(&mapped, &own);
            self.packets_lost += unread;
            // A close that ends because all is drained must not be mistaken about it.
            if let Event::Peer(PeerView { state, .. }) = event {
                if state != PeerState::Init {
                    assert_eq!(unread, 0, "lost what the peer had sent");
                    let unsent = ahead(&own, &mapped);
                    assert!(unsent == 0 || mapped.state == PeerState::Closed);
                }
            }
        }
        link.sending = false;
        if let Some((grant, page)) = link.own.take() {
            page.borrow_mut().state = PeerState::Closed;
            if link.mapped.take().is_some() || link.offered {
                self.notify(i, peer);
            }
            self.grants.remove(&(life, grant));
        }
        assert!(link.mapped.is_none());
        link.offered = false;
        self.remove(&Path::of(own, Node::Offer(peer)).to_string());
    }
}
