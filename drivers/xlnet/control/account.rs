// SPDX-License-Identifier: GPL-2.0

//! What is remembered of another domain for longer than it is a peer.
//!
//! A guest may withdraw its advert and come back as another instance whenever it likes, and each
//! time it is a new peer. What it costs this guest must not begin at zero each time.

use core::fmt;
use kapi::{
    time::now_ms,
    xen::{grant_budget::GrantBudget, lender::Lender},
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc, Mutex,
    },
};
use xlnet_protocol::DomId;

/// The part of the budget, as one over so many, that a peer may keep, by mapping what was closed long ago,
/// before it is lent no more: a few channels of an ordinary guest, since a peer on a busy host may take its
/// time.
const KEPT_SHARE: u32 = 8;

/// Lines in the log about one domain before they are spaced out.
const BURST: u64 = 64;
/// How often there may be a line then, in milliseconds.
const SPACING_MS: u64 = 10_000;

/// What one domain owes, and how much was said of it.
#[pin_data]
pub(crate) struct Account {
    domid: DomId,
    pub(crate) lender: Arc<Lender>,
    /// The nonce under which it broke the rules last, 0 if it did not.
    broken: Atomic<u64>,
    /// The nonce under which the log says that there is no channel, and why; 0 since there was one.
    complained: Atomic<u64>,
    #[pin]
    said: Mutex<Said>,
}

/// What was said in the log.
struct Said {
    /// Moved on by [`SPACING_MS`] with each line; never more than [`BURST`] of those ahead of now.
    until: u64,
    /// Whether the last line was left out.
    silent: bool,
}

impl Account {
    /// Opens an account.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(domid: DomId, budget: &Arc<GrantBudget>) -> Result<Arc<Self>> {
        let lender = Lender::new(domid.raw(), budget)?;
        Arc::pin_init(
            pin_init!(Self {
                domid,
                lender,
                broken: Atomic::new(0),
                complained: Atomic::new(0),
                said <- new_mutex!(Said {
                    until: 0,
                    silent: false,
                }),
            }),
            GFP_KERNEL,
        )
    }

    pub(crate) fn domid(&self) -> DomId {
        self.domid
    }

    /// Whether more pages may be lent.
    pub(crate) fn may_borrow(&self) -> bool {
        let share = self.lender.budget().limit() / KEPT_SHARE;
        self.lender.kept() <= share as usize
    }

    /// Whether the domain keeps pages that it was to give back, after another look.
    pub(crate) fn keeps_pages(&self) -> bool {
        self.lender.kept() > 0
    }

    /// The domain broke the rules under this nonce.
    pub(crate) fn note_broken(&self, nonce: u64) {
        self.broken.store(nonce, Relaxed);
    }

    /// Whether it did, and so gets no channel under it.
    pub(crate) fn is_broken(&self, nonce: u64) -> bool {
        nonce != 0 && self.broken.load(Relaxed) == nonce
    }

    /// Warns that there is no channel under this nonce, once until there is one.
    pub(crate) fn complain(&self, nonce: u64, why: fmt::Arguments<'_>) {
        if self.complained.xchg(nonce, Full) != nonce {
            self.warn(format_args!("no channel: {why}"));
        }
    }

    /// There is a channel.
    pub(crate) fn note_connected(&self) {
        self.complained.store(0, Relaxed);
        self.info(format_args!("connected"));
    }

    /// Whether there is something to remember.
    pub(crate) fn is_open(&self) -> bool {
        self.keeps_pages()
            || self.complained.load(Relaxed) != 0
            || self.broken.load(Relaxed) != 0
            || self.said.lock().until > now_ms()
    }

    /// Warns of the domain in the log, unless there were too many lines about it.
    pub(crate) fn warn(&self, what: fmt::Arguments<'_>) {
        if self.may_say() {
            pr_warn!("peer {}: {}\n", self.domid.raw(), what);
        }
    }

    /// Tells of the domain in the log, unless there were too many lines about it.
    pub(crate) fn info(&self, what: fmt::Arguments<'_>) {
        if self.may_say() {
            pr_info!("peer {}: {}\n", self.domid.raw(), what);
        }
    }

    /// Whether the log may have another line about the domain, which then has to be written.
    fn may_say(&self) -> bool {
        let now = now_ms();
        let mut said = self.said.lock();
        let until = said.until.max(now) + SPACING_MS;
        if until <= now + BURST * SPACING_MS {
            said.until = until;
            said.silent = false;
            return true;
        }
        if !said.silent {
            said.silent = true;
            pr_warn!(
                "peer {}: there is too much to say of it\n",
                self.domid.raw()
            );
        }
        false
    }
}
