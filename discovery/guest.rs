// SPDX-License-Identifier: GPL-2.0

//! One guest: what it wrote, and what was read of it.

use crate::{
    bell::Bell,
    marks::Marks,
    pace::Pace,
    policy::Policy,
    told::Told,
    vifs::{self, Described, Survey},
};
use kapi::{
    xen::xenbus::{self, Value, Watch, WatchHandler},
    Show,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed, Release},
        Arc, Mutex,
    },
};
use xlnet_protocol::{
    roster::{GuestWish, Vif},
    Advert, AdvertText, DomId, Node, Offer, Path, Reasons, SchemaError, Wish,
};

/// What a guest changed since it was last looked at.
#[pin_data]
struct Changes {
    advert: Atomic<bool>,
    wish: Atomic<bool>,
    /// Any of the offers may have changed.
    all_offers: Atomic<bool>,
    /// The offers to these peers have.
    #[pin]
    offers: Mutex<Marks>,
}

impl Changes {
    /// These note that something changed, and return whether that is news.
    fn mark_advert(&self) -> bool {
        !self.advert.xchg(true, Full)
    }

    fn mark_wish(&self) -> bool {
        !self.wish.xchg(true, Full)
    }

    fn mark_offer(&self, peer: DomId) -> bool {
        self.offers.lock().add(peer)
    }

    fn mark_offers(&self) -> bool {
        !self.all_offers.xchg(true, Full)
    }

    fn mark_all(&self) -> bool {
        let (advert, wish) = (self.mark_advert(), self.mark_wish());
        self.mark_offers() || advert || wish
    }
}

/// Marks what a guest changed.
pub(crate) struct GuestWatch {
    changes: Arc<Changes>,
    bell: Bell,
}

impl GuestWatch {
    /// Whoever was told already comes by itself, however often a guest changes something meanwhile.
    fn ring_if(&self, news: bool) {
        if news {
            self.bell.heard();
        }
    }
}

impl WatchHandler for GuestWatch {
    fn changed(&self, path: &str) {
        let news = match Path::parse(path).map(|path| path.node) {
            // Other names mean nothing, and what dom0 writes is not here. Accounts are for the administrator.
            None
            | Some(
                Node::Traffic(_)
                | Node::Told
                | Node::Why
                | Node::Peers
                | Node::Peer(_)
                | Node::PeerMac(_)
                | Node::PeerAddr(_)
                | Node::PeerOwn(_)
                | Node::PeerNonce(_)
                | Node::PeerOffer(_),
            ) => false,
            Some(Node::Wish) => self.changes.mark_wish(),
            Some(Node::Offer(peer)) => self.changes.mark_offer(peer),
            Some(Node::Offers) => self.changes.mark_offers(),
            Some(Node::Root) => self.changes.mark_all(),
            Some(Node::Version | Node::Features | Node::Instance | Node::Mac | Node::Addr) => {
                self.changes.mark_advert()
            }
        };
        self.ring_if(news);
    }

    fn overrun(&self) -> bool {
        self.ring_if(self.changes.mark_all());
        true
    }
}

/// A guest that dom0 watches.
pub(crate) struct Guest {
    domid: DomId,
    changes: Arc<Changes>,
    _watch: Watch<GuestWatch>,
    advert_pace: Pace,
    wish_pace: Pace,
    offers_pace: Pace,
    /// Offers that are to be looked at for another reason than a change of theirs.
    relay_again: Marks,
    pub(crate) advert: Option<Result<Advert, SchemaError>>,
    /// What it asks for, `None` if it does not say so, or what it says is not understood.
    pub(crate) wish: Option<Wish>,
    vifs: KVec<Described>,
    /// What the policy may know it by.
    name: Option<Value>,
    vm: Option<Value>,
    pub(crate) told: Told,
    /// What the log was told of why it meets nobody.
    logged: Reasons,
    log_pace: Pace,
}

impl Guest {
    /// Begins to watch a guest, and rings `bell` when it changes something. What somebody told it before is
    /// removed.
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`.
    pub(crate) fn new(domid: DomId, bell: &Bell) -> Result<Self> {
        let changes = Arc::pin_init(
            pin_init!(Changes {
                advert: Atomic::new(true),
                wish: Atomic::new(true),
                all_offers: Atomic::new(true),
                offers <- new_mutex!(Marks::none()),
            }),
            GFP_KERNEL,
        )?;
        let told = Told::nothing(domid)?;
        let watch = Watch::new(
            format_args!("{}", Path::of(domid, Node::Root)),
            GuestWatch {
                changes: changes.clone(),
                bell: bell.clone(),
            },
        )?;
        Ok(Self {
            domid,
            changes,
            _watch: watch,
            advert_pace: Pace::of_changes(),
            wish_pace: Pace::of_wishes(),
            offers_pace: Pace::of_changes(),
            relay_again: Marks::none(),
            advert: None,
            wish: None,
            vifs: KVec::new(),
            name: None,
            vm: None,
            told,
            logged: Reasons::NONE,
            log_pace: Pace::of_lines(),
        })
    }

    pub(crate) fn domid(&self) -> DomId {
        self.domid
    }

    /// Whether there are changes that wait, since there were too many before.
    pub(crate) fn is_held_up(&self) -> bool {
        self.changes.advert.load(Relaxed)
            || self.changes.wish.load(Relaxed)
            || self.changes.all_offers.load(Relaxed)
            || !self.changes.offers.lock().is_empty()
    }

    /// Reads the advert again if it changed. Returns whether it was read.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    // Inlined, its lists would lie on the stack with those of what is called after it; so for the wish.
    #[inline(never)]
    pub(crate) fn read_advert(&mut self) -> Result<bool> {
        let read = self.changes.advert.load(Relaxed) && self.advert_pace.take();
        if read {
            self.changes.advert.xchg(false, Full);
            self.read_claims().inspect_err(|_| {
                self.changes.advert.store(true, Release);
            })?;
        }
        Ok(read)
    }

    /// Reads the wish again if it changed. Returns whether it is another one.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    #[inline(never)]
    pub(crate) fn read_wish(&mut self) -> Result<bool> {
        if !self.changes.wish.load(Relaxed) || !self.wish_pace.take() {
            return Ok(false);
        }
        self.changes.wish.xchg(false, Full);
        let text = read(self.domid, Node::Wish).inspect_err(|_| {
            self.changes.wish.store(true, Release);
        })?;
        let wish = text.and_then(|text| Wish::parse(&text).ok());
        let before = core::mem::replace(&mut self.wish, wish);
        // Each of these begins or ends a channel, perhaps; one was taken.
        let nobody = Wish::new(0);
        let [old, new] = [&before, &wish].map(|wish| wish.as_ref().unwrap_or(&nobody));
        self.wish_pace.charge(old.distance(new).saturating_sub(1));
        Ok(before != wish)
    }

    fn read_claims(&mut self) -> Result {
        self.read_name()?;
        self.advert = read_advert(self.domid)?;
        self.look_elsewhere()
    }

    /// Reads the vifs again if none is known that has the advertised MAC: of one that another domain serves,
    /// no watch tells.
    fn look_elsewhere(&mut self) -> Result {
        let Some(Ok(advert)) = &self.advert else {
            return Ok(());
        };
        let known = self.vifs.iter().any(|vif| vif.mac() == advert.mac);
        if known {
            Ok(())
        } else {
            self.read_vifs()
        }
    }

    /// Reads what the policy may know the guest by, which the toolstack may change.
    ///
    /// # Errors
    ///
    /// XenStore's.
    pub(crate) fn read_name(&mut self) -> Result {
        let domid = self.domid.raw();
        self.name = xenbus::read(fmt!("/local/domain/{domid}/name"))?;
        self.vm = xenbus::read(fmt!("/local/domain/{domid}/vm"))?;
        Ok(())
    }

    /// What the policy wishes of the guest.
    pub(crate) fn policy(&self, policy: &Policy) -> GuestWish {
        let uuid = self.vm.as_deref().and_then(|vm| vm.strip_prefix("/vm/"));
        policy.guest(self.name.as_deref(), uuid)
    }

    /// Reads what the toolstack says of the vifs.
    ///
    /// # Errors
    ///
    /// XenStore's, `ENOMEM`.
    pub(crate) fn read_vifs(&mut self) -> Result {
        self.vifs = vifs::read(self.domid)?;
        Ok(())
    }

    /// The vifs, as they are attached.
    pub(crate) fn vifs<'a>(&'a self, survey: &'a Survey) -> impl Iterator<Item = Vif> + 'a {
        let vif = |described| survey.vif(self.domid, described);
        self.vifs.iter().map(vif)
    }

    /// Has the guest, and the log, say why it meets nobody, or that it may again, if that is news.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    pub(crate) fn say_why(&mut self, reasons: Reasons, takes_part: bool) -> Result {
        if takes_part || !reasons.is_empty() {
            self.log(reasons);
        }
        self.told.say_why(reasons)
    }

    fn log(&mut self, reasons: Reasons) {
        // Of what is wrong with its claims there is a warning already, with all that is to be said.
        let reasons = reasons.without(Reasons::CLAIMS);
        if self.logged == reasons || !self.log_pace.take() {
            return;
        }
        self.logged = reasons;
        let guest = Show(self.domid);
        if reasons.is_empty() {
            pr_info!("guest {guest}: nothing is against channels any more\n");
        } else {
            pr_info!("guest {guest}: no channels, {}\n", Show(reasons));
        }
    }

    /// Takes the guest to speak the version of its advert. What it was told in another one is removed.
    ///
    /// # Errors
    ///
    /// XenStore's; the next call tries again.
    pub(crate) fn follow_version(&mut self) -> Result {
        let Some(Ok(Advert { version, .. })) = self.advert else {
            return Ok(());
        };
        self.told.follow_version(version)
    }

    /// The peers to which the offers changed, or are to be looked at again, since the last call.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the next call tries again.
    pub(crate) fn take_offers(&mut self) -> Result<KVec<DomId>> {
        let mut changed = self.changes.offers.lock();
        let all = self.changes.all_offers.load(Relaxed);
        if (all || !changed.is_empty()) && self.offers_pace.take() {
            match changed.take() {
                Marks::Of(peers) => {
                    for peer in &peers {
                        self.relay_again.add(*peer);
                    }
                }
                Marks::All => self.relay_again = Marks::All,
            }
            if self.changes.all_offers.xchg(false, Full) {
                self.relay_again = Marks::All;
            }
        }
        drop(changed);
        let told = &self.told;
        match self.relay_again.take() {
            Marks::Of(mut peers) => {
                // A guest may write offers to whom it likes.
                peers.retain(|peer| told.peers().any(|told| told == *peer));
                Ok(peers)
            }
            Marks::All => {
                let mut peers = KVec::new();
                for peer in told.peers() {
                    peers
                        .push(peer, GFP_KERNEL)
                        .inspect_err(|_| self.relay_again = Marks::All)?;
                }
                Ok(peers)
            }
        }
    }

    /// Has the offer to a peer looked at again.
    pub(crate) fn relay_again(&mut self, peer: DomId) {
        self.relay_again.add(peer);
    }

    /// Reads the guest's offer to a peer. `None` if there is none, or it is malformed.
    ///
    /// # Errors
    ///
    /// XenStore's.
    pub(crate) fn read_offer(&self, peer: DomId) -> Result<Option<Offer>> {
        let text = read(self.domid, Node::Offer(peer))?;
        Ok(text.and_then(|text| Offer::parse(&text).ok()))
    }
}

/// Reads a node of a guest's. What is not even text is a claim like any other, and no reason to try again.
fn read(guest: DomId, node: Node) -> Result<Option<Value>> {
    xenbus::read_claim(format_args!("{}", Path::of(guest, node)))
}

fn read_advert(guest: DomId) -> Result<Option<Result<Advert, SchemaError>>> {
    let Some(version) = read(guest, Node::Version)? else {
        return Ok(None);
    };
    let features = read(guest, Node::Features)?;
    let instance = read(guest, Node::Instance)?;
    let mac = read(guest, Node::Mac)?;
    let addr = read(guest, Node::Addr)?;
    Ok(Some(Advert::parse(&AdvertText {
        version: &version,
        features: features.as_deref(),
        instance: instance.as_deref(),
        mac: mac.as_deref(),
        addr: addr.as_deref(),
    })))
}
