// SPDX-License-Identifier: GPL-2.0

//! What the manager keeps in line: advert, peers, table and routes, each with what it follows.

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
    net::netdevice::OwnDeviceRef, new_worker, random::random_u64, sync::Contents, time::now_ms,
    work::Worker, xen::grant_budget::GrantBudget,
};
use kernel::{
    prelude::*,
    sync::{atomic::Atomic, Arc},
};
use xlnet_protocol::{Advert, DomId, Event, PeerEntry, Traffic, Version, ON_DEMAND};

/// How often dom0 is told what was exchanged with the peers, in milliseconds.
const REPORT_MS: u64 = 10_000;

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

/// What is managed, and how far that is.
pub(crate) struct State {
    pub(crate) own: DomId,
    /// Tells this advert from those before it.
    pub(crate) instance: u64,
    nic: Arc<Nic>,
    nic_state: Option<NicState>,
    /// Whether that may change without anybody telling.
    pub(crate) settling: bool,
    dev: OwnDeviceRef,
    pub(crate) driver: Arc<XlDriver>,
    budget: Arc<GrantBudget>,
    pub(crate) router: RouterKick,
    watchdog: Arc<Worker<Watchdog>>,
    publisher: Arc<Worker<Publisher>>,
    pub(crate) peers: KVVec<Peer>,
    pub(crate) demand: KBox<Demand>,
    /// Those of the peers, and of former peers that are not forgotten.
    accounts: KVec<Arc<Account>>,
    /// What XenStore says of us, as far as we know.
    pub(crate) advertised: Option<Advert>,
    /// Whether channels are wanted.
    up: bool,
    /// The module is being unloaded, or the guest suspended.
    pub(crate) closing: bool,
    /// XenStore refused the advert; logged once until it works again.
    refused: bool,
    /// There was no memory for the table; logged once until there is.
    tableless: bool,
    /// There was no group for a peer that dom0 told of.
    full: bool,
    /// There were no grants, or no memory, for a channel since the demand was last looked at.
    short: bool,
    /// When dom0 is to be told again what was exchanged with the peers.
    report_at: u64,
    /// There was no memory to bring the table in line with the peers.
    pub(crate) stale: bool,
}

impl State {
    /// Nothing is advertised, and nobody known, yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(managed: Managed) -> Result<Self> {
        let Managed {
            own,
            nic,
            dev,
            driver,
            budget,
            router,
            demand,
        } = managed;
        Ok(Self {
            own,
            instance: random_u64(),
            nic,
            nic_state: None,
            settling: false,
            watchdog: new_worker!(Watchdog::new((&*dev).into(), driver.clone()))?,
            publisher: new_worker!(Publisher::new())?,
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
            tableless: false,
            full: false,
            short: false,
            report_at: 0,
            stale: false,
        })
    }

    /// Calls `each` for every peer with what it may need.
    pub(crate) fn for_each(&mut self, mut each: impl FnMut(&mut Peer, &mut Guest<'_>)) {
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
    pub(crate) fn look_at_demand(&mut self, neighbours_changed: &Atomic<bool>) -> Option<u64> {
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
    pub(crate) fn report_traffic(&mut self) -> Option<u64> {
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
    pub(crate) fn is_owed_pages(&self) -> bool {
        self.accounts.iter().any(|account| account.keeps_pages())
    }

    /// Looks what the NIC is like now.
    // Inlined, its lists would lie on the stack with those of what is called after it.
    #[inline(never)]
    pub(crate) fn look_at_nic(&mut self) {
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
    pub(crate) fn go_up_or_down(&mut self) {
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
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`; then all is to be heard again.
    #[inline(never)]
    pub(crate) fn hear(&mut self, told: &Told) -> Result {
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
    pub(crate) fn forget_idle(&mut self) -> bool {
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
    pub(crate) fn forget_all(&mut self) {
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
    pub(crate) fn rebuild_table(&mut self) {
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
        let was_tableless = core::mem::replace(&mut self.tableless, built.is_err());
        match built {
            Ok(table) => {
                let place = self.driver.table();
                place.replace(table);
                // Groups may be given to others now, to whom the old one is not to lead.
                place.wait_for_readers();
                self.router.kick();
            }
            Err(error) if !was_tableless => {
                pr_warn!("no memory for the table of addresses ({error:?})\n");
            }
            Err(_) => {}
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
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`; the next call tries again.
    pub(crate) fn update_advert(&mut self) -> Result {
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
