// SPDX-License-Identifier: GPL-2.0

//! The manager: one worker that keeps advert, peers, table and routes in line with the NIC, with
//! what dom0 says and with what the data path finds.
//!
//! It is level-triggered: whoever sees a change marks what changed and kicks the manager, whose
//! pass then looks at the present state of things, so that no order of events matters.

use crate::control::{
    account::Account,
    advert,
    candidate::Candidate,
    demand::Demand,
    link::Guest,
    nic::{Look, Nic, NicState},
    peer::Peer,
    publisher::Publisher,
    router::RouterKick,
    told::Told,
    watchdog::Watchdog,
};
use crate::data::{
    device::XlDriver,
    group::{Group, Taken},
    table::Table,
};
use kapi::{
    net::netdevice::OwnDeviceRef,
    random::random_u64,
    sync::Contents,
    time::now_ms,
    work::{Work, Worker},
    xen::grant_budget::GrantBudget,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Release},
        Arc, Mutex,
    },
    time::{delay::fsleep, Delta},
};
use xlnet_protocol::{Advert, DomId, Event, Node, PeerEntry, Traffic, Version, ON_DEMAND};

/// How those who see a change tell the manager.
pub(crate) type Kick = Arc<Worker<Manager>>;

/// When to try again what could not be done, in milliseconds.
const RETRY_MS: u64 = 1000;
/// How often the NIC is looked at while the link is being asked for one of its addresses, in milliseconds.
const SETTLE_MS: u64 = 300;
/// How often dom0 is told what was exchanged with the peers, in milliseconds.
const REPORT_MS: u64 = 10_000;
/// How long all channels may take to close in order, which bound that themselves, and the advert to be
/// withdrawn, in milliseconds.
const CLOSE_MS: u64 = 2000;
/// How long unloading waits for peers to give pages back, in milliseconds.
const PAGES_MS: u64 = 2000;
/// How often it is looked meanwhile, in milliseconds.
const CLOSE_PACE_MS: i64 = 2;

#[pin_data]
pub(crate) struct Manager {
    #[pin]
    state: Mutex<Option<State>>,
    #[pin]
    told: Mutex<Told>,
    nic_changed: Atomic<bool>,
    neighbours_changed: Atomic<bool>,
}

/// What there is to manage.
pub(crate) struct Managed {
    pub(crate) own: DomId,
    pub(crate) nic: Arc<Nic>,
    pub(crate) dev: OwnDeviceRef,
    pub(crate) driver: Arc<XlDriver>,
    pub(crate) budget: Arc<GrantBudget>,
    pub(crate) router: RouterKick,
    pub(crate) demand: KBox<Demand>,
}

struct State {
    own: DomId,
    /// Tells this advert from those before it.
    instance: u64,
    nic: Arc<Nic>,
    nic_state: Option<NicState>,
    /// Whether that may change without anybody telling.
    settling: bool,
    dev: OwnDeviceRef,
    driver: Arc<XlDriver>,
    budget: Arc<GrantBudget>,
    router: RouterKick,
    watchdog: Arc<Worker<Watchdog>>,
    publisher: Arc<Worker<Publisher>>,
    peers: KVVec<Peer>,
    demand: KBox<Demand>,
    /// Those of the peers, and of former peers that are not forgotten.
    accounts: KVec<Arc<Account>>,
    /// What XenStore says of us, as far as we know.
    advertised: Option<Advert>,
    /// Whether channels are wanted.
    up: bool,
    /// The module is being unloaded, or the guest suspended.
    closing: bool,
    /// XenStore refused the advert; logged once until it works again.
    refused: bool,
    /// There was no group for a peer that dom0 told of.
    full: bool,
    /// There were no grants, or no memory, for a channel since the demand was last looked at.
    short: bool,
    /// When dom0 is to be told again what was exchanged with the peers.
    report_at: u64,
    /// There was no memory to bring the table in line with the peers.
    stale: bool,
}

impl Manager {
    /// A manager with nothing to manage yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(None),
            told <- new_mutex!(Told::new(true)),
            nic_changed: Atomic::new(true),
            neighbours_changed: Atomic::new(true),
        })
    }

    /// Gives the manager something to manage. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, XenStore's.
    pub(crate) fn start(&self, managed: Managed) -> Result {
        let Managed {
            own,
            nic,
            dev,
            driver,
            budget,
            router,
            demand,
        } = managed;
        // What an earlier life of this domain left behind is nobody's.
        advert::remove()?;
        *self.state.lock() = Some(State {
            own,
            instance: random_u64(),
            nic,
            nic_state: None,
            settling: false,
            watchdog: Worker::new(Watchdog::new((&*dev).into(), driver.clone()))?,
            publisher: Worker::new(Publisher::new())?,
            dev,
            driver,
            budget,
            router,
            peers: KVVec::new(),
            demand,
            accounts: KVec::new(),
            advertised: None,
            up: false,
            closing: false,
            refused: false,
            full: false,
            short: false,
            report_at: 0,
            stale: false,
        });
        Ok(())
    }

    /// The NIC, its addresses or xl0 may have changed. Any context.
    pub(crate) fn nic_changed(&self) {
        self.nic_changed.store(true, Release);
    }

    /// dom0 told something. Process context.
    pub(crate) fn told(&self, node: Node) {
        self.told.lock().note(node);
    }

    /// Neighbours of the NIC did. Returns whether the manager is to be told. Any context.
    pub(crate) fn neighbours_changed(&self) -> bool {
        !self.neighbours_changed.xchg(true, Full)
    }

    /// Closes everything, for good. The worker is stopped already. Process context, RTNL not held.
    pub(crate) fn shutdown(&self) {
        self.close();
        let Some(state) = (*self.state.lock()).take() else {
            return;
        };
        // What a peer has not given back by then is the kernel's to free, a few pages a second.
        let until = now_ms() + PAGES_MS;
        while state.is_owed_pages() && now_ms() < until {
            fsleep(Delta::from_millis(CLOSE_PACE_MS));
        }
    }

    /// Closes all channels, withdraws the advert and forgets the peers. A channel that is not closed in order
    /// by the deadline, because XenStore kept the guest waiting for longer, is closed on the spot. Process
    /// context, RTNL not held.
    pub(crate) fn close(&self) {
        let until = now_ms() + CLOSE_MS;
        loop {
            let mut guard = self.state.lock();
            let Some(state) = (*guard).as_mut() else {
                return;
            };
            state.closing = true;
            self.pass(state);
            let done = state.peers.iter().all(Peer::is_idle) && state.advertised.is_none();
            if done || now_ms() >= until {
                state.forget_all();
                // No channel keeps the advert any more. If XenStore refuses, it stays.
                let _ = state.update_advert();
                return;
            }
            drop(guard);
            fsleep(Delta::from_millis(CLOSE_PACE_MS));
        }
    }

    /// Begins anew after [`Self::close`], perhaps as another domain. Process context.
    pub(crate) fn reopen(&self) {
        if let Some(state) = (*self.state.lock()).as_mut() {
            // Without an answer nobody is told of us, and nobody answers.
            state.own = advert::own_domid().unwrap_or(state.own);
            // Another advert, even if the last one could not be withdrawn: another domain does not have it.
            state.instance = random_u64();
            state.closing = false;
            state.demand.forget_all();
        }
        self.told.lock().all = true;
        self.nic_changed();
    }

    /// Brings everything in line. Returns when to do so again, if nobody asks before.
    fn pass(&self, state: &mut State) -> Option<u64> {
        let mut retry = None;
        if state.stale {
            state.rebuild_table();
        }
        if self.nic_changed.xchg(false, Full) {
            state.look_at_nic();
        }
        let mut settles = None;
        if state.settling {
            self.nic_changed();
            settles = Some(now_ms() + SETTLE_MS);
        }
        state.go_up_or_down();
        if state.driver.settings().take_changed() {
            state.demand.forget_shortage();
            state.for_each(|peer, guest| peer.handle(Event::Renew, guest));
        }
        let told = core::mem::replace(&mut *self.told.lock(), Told::new(false));
        if state.hear(&told).is_err() {
            self.told.lock().all = true;
            retry = Some(now_ms() + RETRY_MS);
        }
        state.for_each(|peer, guest| peer.look(guest));
        if state.forget_idle() {
            // For who waits for a group there is one now.
            self.told.lock().all = true;
            retry = Some(now_ms() + 1);
        }
        let demand = state.look_at_demand(&self.neighbours_changed);
        // A dead peer keeps its pages until Xen has done with it, and nobody tells us then.
        if state.update_advert().is_err() || state.stale || state.is_owed_pages() {
            retry = Some(now_ms() + RETRY_MS);
        }
        if state.demand.listen() {
            state.router.kick();
        }
        let report = state.report_traffic();
        let now = now_ms();
        let next = state.peers.iter().filter_map(|peer| peer.next(now)).min();
        let due = [next, retry, report, demand, settles];
        due.into_iter().flatten().min()
    }
}

impl Work for Manager {
    fn run(&self, worker: &Worker<Self>) {
        let mut guard = self.state.lock();
        let Some(state) = (*guard).as_mut() else {
            return;
        };
        if let Some(at) = self.pass(state) {
            worker.again_in(at.saturating_sub(now_ms()).max(1));
        }
    }
}

impl State {
    /// Calls `each` for every peer with what it may need.
    fn for_each(&mut self, mut each: impl FnMut(&mut Peer, &mut Guest<'_>)) {
        let mut guest = Guest {
            dev: &self.dev,
            router: &self.router,
            watchdog: &self.watchdog,
            settings: self.driver.settings().get(),
            short: false,
        };
        for peer in &mut self.peers {
            each(peer, &mut guest);
        }
        self.short |= guest.short;
    }

    /// Looks to whom channels are wanted. Returns when to do so again.
    fn look_at_demand(&mut self, neighbours_changed: &Atomic<bool>) -> Option<u64> {
        if !self.up {
            return None;
        }
        let (now, short) = (now_ms(), core::mem::take(&mut self.short));
        let (demand, peers) = (&mut self.demand, &mut self.peers);
        if demand.look(&self.nic, peers, neighbours_changed, short, now) {
            self.rebuild_table();
        }
        Some(self.demand.next(now))
    }

    /// Has dom0 told what was exchanged with the peers, now and then. Returns when to do so again.
    fn report_traffic(&mut self) -> Option<u64> {
        if self.peers.is_empty() {
            return None;
        }
        if now_ms() >= self.report_at {
            self.report_at = now_ms() + REPORT_MS;
            for peer in &self.peers {
                let publisher = self.publisher.get();
                publisher.exchanged(peer.domid(), peer.traffic());
            }
            self.publisher.kick();
        }
        Some(self.report_at)
    }

    /// Whether a peer, or a former one, maps pages that we are done with.
    fn is_owed_pages(&self) -> bool {
        self.accounts.iter().any(|account| account.keeps_pages())
    }

    // Inlined, its lists would lie on the stack with those of what is called after it.
    #[inline(never)]
    fn look_at_nic(&mut self) {
        let Look {
            state: now,
            settling,
        } = self.nic.look();
        self.settling = settling;
        if now == self.nic_state {
            return;
        }
        self.nic_state = now;
        if let Some(nic) = &self.nic_state {
            // Without memory it is the kernel's neighbour entries that tell of who is talked to.
            let _ = self.demand.follow_own(&nic.addresses);
        }
        self.rebuild_table();
    }

    /// Channels are wanted while xl0 and the NIC are up and nobody closes them.
    fn go_up_or_down(&mut self) {
        let up = !self.closing && self.dev.is_running() && self.nic_state.is_some();
        if up == self.up {
            return;
        }
        self.up = up;
        if self.nic_state.is_none() {
            self.demand.forget_sightings();
        }
        let event = if up { Event::Up } else { Event::Shutdown };
        self.for_each(|peer, guest| peer.handle(event, guest));
        self.rebuild_table();
    }

    /// Does something for one peer, if it is known.
    fn for_peer(&mut self, domid: DomId, mut each: impl FnMut(&mut Peer, &mut Guest<'_>)) {
        self.for_each(|peer, guest| {
            if peer.domid() == domid {
                each(peer, guest);
            }
        });
    }

    /// Takes what dom0 told.
    #[inline(never)]
    fn hear(&mut self, told: &Told) -> Result {
        let mut entries = KVec::new();
        let mut read =
            |domid| -> Result { Ok(entries.push((domid, advert::read_peer(domid)?), GFP_KERNEL)?) };
        if told.all {
            // Those that are not listed any more, too.
            self.peers.iter().try_for_each(|peer| read(peer.domid()))?;
            advert::for_each_peer(|domid| {
                let known = self.peers.iter().any(|peer| peer.domid() == domid);
                if known {
                    Ok(())
                } else {
                    read(domid)
                }
            })?;
        } else {
            told.entries.iter().try_for_each(|domid| read(*domid))?;
        }
        let mut changed = false;
        for (domid, entry) in &entries {
            match entry {
                Some(entry) => {
                    // Before the one that failed there may have been changes.
                    let introduced = self.introduce(*domid, entry);
                    changed |= introduced.inspect_err(|_| self.stale = true)?;
                }
                None => self.withdraw(*domid),
            }
        }
        // Before any channel is opened: what comes through it is checked against the table.
        if changed {
            self.rebuild_table();
        }
        if self.stale {
            return Err(ENOMEM);
        }
        for (domid, _) in entries.iter().filter(|(_, entry)| entry.is_some()) {
            self.for_peer(*domid, Peer::introduced);
            self.hear_offer(*domid)?;
        }
        told.offers
            .iter()
            .try_for_each(|domid| self.hear_offer(*domid))
    }

    /// Takes a peer's offer.
    fn hear_offer(&mut self, domid: DomId) -> Result {
        let offer = advert::read_offer(domid)?;
        self.for_peer(domid, |peer, guest| {
            peer.handle(Event::PeerOffer(offer), guest);
        });
        Ok(())
    }

    /// dom0 tells of a peer no more.
    fn withdraw(&mut self, domid: DomId) {
        let peer = self.peers.iter().find(|peer| peer.domid() == domid);
        if let Some(mac) = peer.map(Peer::mac) {
            // The same machine may have come back, as another domain.
            let is_another = |peer: &Peer| peer.mac() == mac && peer.domid() != domid;
            if !self.peers.iter().any(is_another) {
                self.demand.withdrawn(mac);
            }
        }
        self.for_peer(domid, |peer, guest| peer.handle(Event::Withdrawn, guest));
    }

    /// Takes dom0's word for a peer. Returns whether addresses changed.
    #[inline(never)]
    fn introduce(&mut self, domid: DomId, entry: &PeerEntry) -> Result<bool> {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.domid() == domid) {
            if peer.mac() != entry.mac {
                self.demand.withdrawn(peer.mac());
            }
            self.demand.introduced(entry.mac, now_ms());
            return peer.update(entry);
        }
        // A peer that is told of while we are on our way out is nobody we would talk to.
        if !self.up {
            return Ok(false);
        }
        // The old table may lead another peer's packets to the group.
        if self.stale {
            return Err(ENOMEM);
        }
        let free = |group: &&Arc<Group>| group.peer().is_none();
        let Some(group) = self.driver.groups().iter().find(free).cloned() else {
            // dom0 knows for how many there is room, and another one is on its way out.
            self.full = true;
            return Ok(false);
        };
        let account = self.account(domid)?;
        let group = Taken::new(group, domid.raw(), &self.dev)?;
        self.peers.reserve(1, GFP_KERNEL)?;
        let before = self.demand.take_former(entry.mac);
        let peer = Peer::new(self.own, account, entry, group, before)?;
        self.peers.push(peer, GFP_KERNEL)?;
        self.demand.introduced(entry.mac, now_ms());
        Ok(true)
    }

    /// The account of a domain, which may have been a peer before.
    fn account(&mut self, domid: DomId) -> Result<Arc<Account>> {
        let known = self.accounts.iter().find(|known| known.domid() == domid);
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let account = Account::new(domid, &self.budget)?;
        self.accounts.push(account.clone(), GFP_KERNEL)?;
        Ok(account)
    }

    /// Forgets peers that dom0 no longer tells of and whose channels are closed, and domains of
    /// which there is nothing to remember. Returns whether there is a group now for a peer for which there was
    /// none.
    fn forget_idle(&mut self) -> bool {
        for peer in self.peers.iter().filter(|peer| peer.is_forgotten()) {
            self.demand.remember(peer);
            let publisher = self.publisher.get();
            publisher.exchanged(peer.domid(), Traffic::default());
            self.publisher.kick();
        }
        let forgot = self.forget(Peer::is_forgotten);
        let peers = &self.peers;
        self.accounts.retain(|account| {
            account.is_open() || peers.iter().any(|peer| peer.domid() == account.domid())
        });
        forgot && core::mem::take(&mut self.full)
    }

    /// Forgets all peers, at once. What XenStore has of them goes with the advert.
    fn forget_all(&mut self) {
        self.demand.forget_all();
        self.peers.clear();
        self.rebuild_table();
    }

    /// Returns whether there was one to forget.
    fn forget(&mut self, which: impl Fn(&Peer) -> bool) -> bool {
        let before = self.peers.len();
        self.peers.retain(|peer| !which(peer));
        let forgot = self.peers.len() != before;
        if forgot {
            self.rebuild_table();
        }
        forgot
    }

    /// Makes the data path's table anew. Without memory the old one stays, and no channel is opened: a packet
    /// that it sends to a peer that is gone takes the fallback.
    fn rebuild_table(&mut self) {
        let build = || -> Result<(Contents<Table>, KVVec<Candidate>)> {
            let mut table = Table::new();
            let mut candidates = KVVec::new();
            for address in self.nic_state.iter().flat_map(|nic| nic.addresses.iter()) {
                table.add_own(address)?;
            }
            self.peers
                .iter()
                .try_for_each(|peer| peer.list(&mut table, &mut candidates))?;
            if self.up {
                self.demand.list(&mut table, &mut candidates)?;
            }
            Ok((Contents::new(table)?, candidates))
        };
        let built = build().and_then(|(table, candidates)| {
            self.router.get().set_candidates(candidates)?;
            Ok(table)
        });
        self.stale = built.is_err();
        match built {
            Ok(table) => {
                let place = self.driver.table();
                place.replace(table);
                // Groups may be given to others now, to whom the old one is not to lead.
                place.wait_for_readers();
                self.router.kick();
            }
            Err(error) => pr_warn!("no memory for the table of addresses ({error:?})\n"),
        }
    }

    /// XenStore refuses what this guest says of itself.
    fn complain(&mut self, error: Error) {
        if !core::mem::replace(&mut self.refused, true) {
            pr_warn!("XenStore refuses the advert ({error:?}); traffic stays on the NIC\n");
        }
    }

    /// Writes or withdraws the advert. It is withdrawn only when all channels are closed: with it
    /// go the offers, and dom0 takes back what it told.
    fn update_advert(&mut self) -> Result {
        let wanted = match (self.up, &self.nic_state) {
            (true, Some(nic)) => Some(Advert {
                version: Version::Two,
                features: ON_DEMAND,
                instance: self.instance,
                mac: nic.mac,
                addrs: nic.addresses,
            }),
            _ => None,
        };
        if self.up {
            // Before the advert: dom0 would take it that there is room for nobody.
            let said = self.demand.say(&self.publisher, now_ms());
            said.inspect_err(|error| self.complain(*error))?;
        }
        if wanted == self.advertised {
            return Ok(());
        }
        // Nothing is let in to an address that is not in the table.
        if wanted.is_some() && self.stale {
            return Err(ENOMEM);
        }
        let result = match &wanted {
            Some(advert) => advert::write(advert),
            None if self.peers.iter().all(Peer::is_idle) => {
                // What dom0 told us goes with the advert. For it to tell us again, the next advert must not look
                // like this one.
                self.instance = random_u64();
                self.demand.unsay();
                self.publisher.get().end();
                advert::remove()
            }
            None => return Ok(()),
        };
        result.inspect_err(|error| self.complain(*error))?;
        self.refused = false;
        if wanted.is_some() {
            self.publisher.get().begin();
        }
        self.advertised = wanted;
        Ok(())
    }
}
