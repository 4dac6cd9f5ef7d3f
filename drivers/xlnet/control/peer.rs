// SPDX-License-Identifier: GPL-2.0

//! A peer: what dom0 says of it, how far the handshake with it is, its channel and its routes.

use crate::control::{
    account::Account,
    advert,
    channel::Channel,
    nic::Nic,
    retired::Retired,
    routes::{is_shortage, Routes},
    watchdog::Watchdog,
};
use crate::data::{
    group::Group,
    settings::Settings,
    sighting::{Sighting, Verdict},
    slot::Fault,
    table::{Entry, Table},
};
use core::net::{IpAddr, Ipv4Addr};
use kapi::{
    net::{
        arp,
        device::Device,
        rtnetlink::{HostRoute, Socket}, //
    },
    random::random_u64,
    work::Worker,
    Show,
};
use kernel::{fmt, prelude::*, sync::Arc};
use xenfifo::{Broken, State};
use xlnet_protocol::{
    Action, DomId, Event, Failed, Handshake, PeerEntry, PeerState, Role, State as Progress,
};

/// How often a connected peer is looked at, in milliseconds.
const LOOK_MS: u64 = 250;
/// How often a closing channel is looked at, in milliseconds.
const DRAIN_MS: u64 = 2;
/// How often an address is probed that ARP has not confirmed, in milliseconds.
const PROBE_MS: u64 = 1000;
/// How often an address is probed otherwise, in milliseconds.
const REPROBE_MS: u64 = 30_000;
/// When to try again after the kernel refused a route, and after it had no memory for it, in milliseconds.
const ROUTE_RETRY_MS: u64 = 30_000;
const ROUTE_SHORTAGE_MS: u64 = 1000;

/// What a step may need of the guest.
pub(crate) struct Guest<'a> {
    pub(crate) dev: &'a Device,
    pub(crate) nic: &'a Nic,
    /// Our own address, if the NIC can carry traffic.
    pub(crate) source: Option<Ipv4Addr>,
    pub(crate) socket: &'a mut Socket,
    pub(crate) retired: &'a Worker<Retired>,
    pub(crate) watchdog: &'a Worker<Watchdog>,
    /// How a new channel is to be.
    pub(crate) settings: Settings,
    pub(crate) now: u64,
}

pub(crate) struct Peer {
    handshake: Handshake,
    link: Link,
    entry: PeerEntry,
    addresses: KVec<Known>,
    route_retry: u64,
    /// The log says that the kernel refused a route; it says so once until it takes one.
    route_refused: bool,
    /// Whether dom0 tells of the peer no longer.
    withdrawn: bool,
}

/// An address of the peer.
#[derive(Clone)]
struct Known {
    address: Ipv4Addr,
    sighting: Arc<Sighting>,
    probe_at: u64,
}

impl Known {
    fn new(address: Ipv4Addr, mac: [u8; 6]) -> Result<Self> {
        Ok(Self {
            address,
            sighting: Arc::new(Sighting::new(mac), GFP_KERNEL)?,
            probe_at: 0,
        })
    }

    fn is(&self, address: Ipv4Addr, mac: [u8; 6]) -> bool {
        self.address == address && self.sighting.mac() == mac
    }
}

/// What the handshake's actions work on.
struct Link {
    account: Arc<Account>,
    role: Role,
    group: Arc<Group>,
    channel: Option<Channel>,
    routes: Routes,
    /// The log says that there is no channel, and why; it says so once until there is one.
    complained: bool,
}

impl Peer {
    /// A peer that dom0 introduced, with a group of its own.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        own: DomId,
        account: Arc<Account>,
        entry: &PeerEntry,
        group: Arc<Group>,
    ) -> Result<Self> {
        let handshake = Handshake::new(own, account.domid(), random_u64() as u32);
        let mut this = Self {
            link: Link {
                account,
                role: handshake.role(),
                group,
                channel: None,
                routes: Routes::new(),
                complained: false,
            },
            handshake,
            entry: *entry,
            addresses: KVec::new(),
            route_retry: 0,
            route_refused: false,
            withdrawn: false,
        };
        this.addresses = this.addresses_of(entry)?;
        Ok(this)
    }

    pub(crate) fn domid(&self) -> DomId {
        self.link.domid()
    }

    pub(crate) fn group(&self) -> &Group {
        &self.link.group
    }

    /// Takes what dom0 says now. Returns whether the peer's addresses, or ours towards it, changed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; nothing is taken then.
    pub(crate) fn update(&mut self, entry: &PeerEntry) -> Result<bool> {
        let moved = self.entry.mac != entry.mac || self.entry.addrs != entry.addrs;
        let changed = moved || self.entry.own != entry.own;
        if moved {
            self.addresses = self.addresses_of(entry)?;
        }
        // Another instance has reasons of its own.
        self.link.complained &= self.entry.nonce == entry.nonce;
        self.entry = *entry;
        Ok(changed)
    }

    /// The addresses that dom0 says. What ARP said of those that were there before stays: to ask again,
    /// their routes would have to go until the answer.
    fn addresses_of(&self, entry: &PeerEntry) -> Result<KVec<Known>> {
        let mac = entry.mac.octets();
        let mut addresses = KVec::new();
        for address in entry.addrs.iter() {
            // IPv6 stays on the NIC.
            let IpAddr::V4(address) = address else {
                continue;
            };
            let before = self.addresses.iter().find(|known| known.is(address, mac));
            let known = match before {
                Some(known) => known.clone(),
                None => Known::new(address, mac)?,
            };
            addresses.push(known, GFP_KERNEL)?;
        }
        Ok(addresses)
    }

    /// Adds the peer's addresses to a table.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn list(&self, table: &mut Table) -> Result {
        self.addresses.iter().try_for_each(|known| {
            table.add(Entry {
                address: known.address,
                group: self.link.group.number(),
                own: self.entry.own,
                sighting: known.sighting.clone(),
            })
        })
    }

    /// dom0's introduction, as the handshake takes it.
    pub(crate) fn introduced(&self) -> Event {
        Event::Introduced {
            nonce: self.entry.nonce,
        }
    }

    /// Whether dom0 tells of the peer no longer, and its channel is closed.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.withdrawn && self.is_idle()
    }

    /// Whether there is no channel, and no route.
    pub(crate) fn is_idle(&self) -> bool {
        self.has_no_channel() && self.link.routes.is_empty()
    }

    fn has_no_channel(&self) -> bool {
        self.handshake.state() == Progress::Idle
    }

    fn is_connected(&self) -> bool {
        matches!(self.handshake.state(), Progress::Connected { .. })
    }

    /// Takes an event and does what follows from it.
    pub(crate) fn handle(&mut self, event: Event, guest: &mut Guest<'_>) {
        match event {
            Event::Introduced { .. } => self.withdrawn = false,
            Event::Withdrawn => self.withdrawn = true,
            _ => {}
        }
        let link = &mut self.link;
        self.handshake
            .drive(event, guest.now, |action| link.perform(action, guest));
    }

    /// Looks at the clock, the shared memory and what the data path found.
    pub(crate) fn look(&mut self, guest: &mut Guest<'_>) {
        match self.link.group.take_fault() {
            Some(Fault::Broken(reason)) => self.broke(reason, guest),
            Some(Fault::Stalled) => self.stalled(guest),
            None => {}
        }
        match self.link.channel.as_ref().and_then(Channel::view) {
            Some(Ok(view)) if self.is_connected() && view.state == PeerState::Init => {
                self.broke(Broken::State, guest);
            }
            Some(Ok(view)) => self.handle(Event::Peer(view), guest),
            Some(Err(reason)) => self.broke(reason, guest),
            None => {}
        }
        if self.handshake.deadline().is_some_and(|at| at <= guest.now) {
            self.handle(Event::Tick, guest);
        }
        self.route(guest);
    }

    fn broke(&mut self, reason: Broken, guest: &mut Guest<'_>) {
        if self.has_no_channel() {
            return;
        }
        self.link
            .account
            .warn(format_args!("channel broken: {}", reason.as_str()));
        self.link.group.broken.add(1);
        self.handle(Event::Broken, guest);
    }

    fn stalled(&mut self, guest: &mut Guest<'_>) {
        if !self.is_connected() {
            return;
        }
        self.link
            .account
            .info(format_args!("does not receive, back to the NIC"));
        self.link.group.stalled.add(1);
        self.handle(Event::Stalled, guest);
    }

    /// Brings the routes in line: one for each address that ARP confirms, while there is a channel
    /// and the peer lets our address in.
    fn route(&mut self, guest: &mut Guest<'_>) {
        let connected = self.is_connected();
        let own = self.entry.own;
        let usable = |source: &Ipv4Addr| connected && own.contains(IpAddr::V4(*source));
        let mut wanted = KVec::new();
        if let Some(source) = guest.source.filter(usable) {
            self.probe(source, guest);
            let ifindex = guest.dev.ifindex();
            for known in &self.addresses {
                if known.sighting.verdict() == Verdict::Confirmed {
                    let route = Routes::to(known.address, source, ifindex);
                    // Without memory for the list: no route.
                    let _ = wanted.push(route, GFP_KERNEL);
                }
            }
        }
        self.link
            .routes
            .keep_only(guest.socket, guest.retired, &wanted);
        if guest.now >= self.route_retry {
            self.install(&wanted, guest);
        }
    }

    fn install(&mut self, wanted: &[HostRoute], guest: &mut Guest<'_>) {
        let Err(error) = self.link.routes.install(guest.socket, wanted) else {
            self.route_refused = false;
            return;
        };
        if !core::mem::replace(&mut self.route_refused, true) {
            self.link.account.warn(format_args!(
                "a route is refused ({error:?}), its traffic stays on the NIC"
            ));
        }
        self.route_retry = guest.now
            + if is_shortage(error) {
                ROUTE_SHORTAGE_MS
            } else {
                ROUTE_RETRY_MS
            };
    }

    /// Asks for the peer's addresses on the NIC.
    fn probe(&mut self, source: Ipv4Addr, guest: &Guest<'_>) {
        let Some(nic) = guest.nic.device() else {
            return;
        };
        for known in &mut self.addresses {
            if known.probe_at <= guest.now {
                arp::request(&nic, source, known.address, None);
                known.probe_at = guest.now
                    + match known.sighting.verdict() {
                        Verdict::Unseen => PROBE_MS,
                        Verdict::Confirmed | Verdict::Contradicted => REPROBE_MS,
                    };
            }
        }
    }

    /// Forgets what ARP said, as after a time without a NIC.
    pub(crate) fn forget_sightings(&mut self) {
        for known in &mut self.addresses {
            known.sighting.forget();
            known.probe_at = 0;
        }
    }

    /// When to look again.
    pub(crate) fn next(&self, now: u64) -> Option<u64> {
        let pace = match self.handshake.state() {
            Progress::Closing { .. } => Some(now + DRAIN_MS),
            Progress::Connected { .. } => Some(now + LOOK_MS),
            // What could not be removed for lack of memory.
            _ if !self.link.routes.is_empty() => Some(now + ROUTE_SHORTAGE_MS),
            _ => None,
        };
        [pace, self.handshake.deadline()]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Link {
    fn perform(&mut self, action: &Action, guest: &mut Guest<'_>) -> Result<(), Failed> {
        match *action {
            Action::Allocate(id) => {
                let channel =
                    Channel::allocate(self.role, &self.account, id, &self.group, guest.settings);
                self.channel = Some(channel.map_err(|error| self.failed(fmt!("{}", Show(error))))?);
            }
            Action::WriteOffer(_) => {
                let offer = self.channel()?.offer().ok_or(Failed)?;
                advert::write_offer(self.domid(), &offer)
                    .map_err(|error| self.failed(fmt!("XenStore refuses the offer ({error:?})")))?;
            }
            Action::Map(offer) => {
                let channel = self.channel.as_mut().ok_or(Failed)?;
                channel
                    .map(&offer, guest.dev)
                    .map_err(|error| self.failed(fmt!("{}", Show(error))))?;
            }
            Action::SetReady => {
                if !self.channel()?.set_ready() {
                    return Err(Failed);
                }
            }
            Action::OpenDataPath => {
                let count = self.channel()?.queue_pairs();
                self.group.open(count);
                guest.watchdog.kick();
                self.complained = false;
                self.account.info(format_args!("connected"));
            }
            Action::BeginClose => {
                self.routes.keep_only(guest.socket, guest.retired, &[]);
                self.group.close(guest.dev);
                self.channel()?.set_state(State::Closing);
            }
            Action::Release => {
                if let Some(channel) = self.channel.take() {
                    channel.release(guest.dev);
                }
                // An offer that stays behind names a channel that nobody will use again.
                let _ = advert::remove_offer(self.domid());
            }
        }
        Ok(())
    }

    fn domid(&self) -> DomId {
        self.account.domid()
    }

    fn channel(&self) -> Result<&Channel, Failed> {
        self.channel.as_ref().ok_or(Failed)
    }

    fn failed(&mut self, why: fmt::Arguments<'_>) -> Failed {
        if !core::mem::replace(&mut self.complained, true) {
            self.account.warn(format_args!("no channel: {why}"));
        }
        Failed
    }
}
