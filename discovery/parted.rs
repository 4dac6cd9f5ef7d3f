// SPDX-License-Identifier: GPL-2.0

//! Pairs that asked for each other and would meet but for something between the two of them: what the log says of
//! them, and what `xl-status` reads in dom0's own part of XenStore, which guests cannot.

use crate::settled::Settled;
use kapi::{xen::xenbus, Show};
use kernel::prelude::*;
use xlnet_protocol::{
    roster::{self, Apart},
    DomId,
};

/// So many pairs are kept account of. Where ports are isolated, all pairs are apart.
const MAX_PAIRS: usize = 256;

/// Where it is written for each guest of a pair about the other.
const APART: &str = "/local/domain/0/xlnet/apart";

/// Is there while there are others.
const MORE: &str = "/local/domain/0/xlnet/apart/more";

/// Who would meet whom, were this no dry run.
const DRY_RUN: &str = "/local/domain/0/xlnet/dry-run";

/// The lower id first.
type Pair = (DomId, DomId, Apart);

/// Pairs that are kept apart, as far as they are kept account of.
pub(crate) struct Found {
    pairs: KVec<Pair>,
    /// There are others, of which it says nothing.
    more: bool,
}

impl Found {
    pub(crate) const fn none() -> Self {
        Self {
            pairs: KVec::new(),
            more: false,
        }
    }

    /// Takes note of a pair, in either order; of one that is known already nothing is new.
    pub(crate) fn add(&mut self, a: DomId, b: DomId, apart: Apart) {
        if self.more {
            return;
        }
        let pair = (a.min(b), a.max(b), apart);
        let known = self
            .pairs
            .iter()
            .any(|(a, b, _)| (*a, *b) == (pair.0, pair.1));
        if !known && (self.pairs.len() >= MAX_PAIRS || self.pairs.push(pair, GFP_KERNEL).is_err()) {
            self.more = true;
        }
    }

    fn about(&self, a: DomId, b: DomId) -> Option<&Pair> {
        self.pairs.iter().find(|pair| (pair.0, pair.1) == (a, b))
    }
}

/// The pairs of which it is said that they are kept apart.
pub(crate) struct Parted {
    said: Found,
    /// What is below [`DRY_RUN`] may be true no longer.
    dry_run: bool,
}

impl Parted {
    pub(crate) const fn new() -> Self {
        Self {
            said: Found::none(),
            dry_run: false,
        }
    }

    /// Says which pairs are kept apart, or are not any more, as far as that is news.
    pub(crate) fn say(&mut self, mut found: Found, settled: &Settled) {
        for &(a, b, before) in &self.said.pairs {
            if may_meet(before) {
                continue;
            }
            match settled.apart(a, b) {
                // If nobody asks at the moment, to ask again is no news.
                Some(apart @ (Apart::Isolated | Apart::Group | Apart::Version)) => {
                    found.add(a, b, apart);
                }
                apart if apart.is_none_or(may_meet) => {
                    pr_info!("guests {} and {}: may meet again\n", Show(a), Show(b));
                }
                _ => {}
            }
        }
        for &(a, b, apart) in &found.pairs {
            if self.said.about(a, b).map(|pair| pair.2) != Some(apart) {
                let (a, b, apart) = (Show(a), Show(b), Show(apart));
                pr_info!("guests {a} and {b}: kept apart, {apart}\n");
            }
        }
        // Of those that only lack room there may be many, and each guest that is tried changes who. Nobody is
        // told of more than are listed.
        let more = found.more;
        for &(a, b, apart) in settled.refused() {
            found.add(a, b, apart);
        }
        found.more = more;
        if found.more && !self.said.more {
            pr_info!("more pairs of guests are kept apart than are listed here\n");
            let _ = xenbus::write(fmt!("{MORE}"), fmt!("yes"));
        } else if self.said.more && !found.more {
            let _ = xenbus::remove(fmt!("{MORE}"));
        }
        for (a, b, _) in self
            .said
            .pairs
            .iter()
            .filter(|pair| !found.pairs.contains(*pair))
        {
            publish(*a, *b, None);
        }
        for (a, b, apart) in found
            .pairs
            .iter()
            .filter(|pair| !self.said.pairs.contains(*pair))
        {
            publish(*a, *b, Some(*apart));
        }
        self.said = found;
    }

    /// Says who would meet, whether they talk or not, if this is a dry run.
    pub(crate) fn say_dry_run(&mut self, roster: &[roster::Guest], dry_run: bool) {
        if core::mem::replace(&mut self.dry_run, dry_run) {
            let _ = xenbus::remove(fmt!("{DRY_RUN}"));
        }
        if !dry_run {
            return;
        }
        for (i, guest) in roster.iter().enumerate() {
            let one = guest.domid();
            for (peer, told) in roster::peers(roster, i) {
                if told.is_ok() && one < peer.domid() {
                    let (one, other) = (one.raw(), peer.domid().raw());
                    let _ = xenbus::write(fmt!("{DRY_RUN}/{one}/{other}"), fmt!(""));
                }
            }
        }
    }

    /// Says nothing any more.
    pub(crate) fn withdraw(&mut self) {
        for node in [APART, DRY_RUN] {
            let _ = xenbus::remove(fmt!("{node}"));
        }
        *self = Self::new();
    }
}

/// Whether the two may meet, and only do not talk, or have no room.
fn may_meet(apart: Apart) -> bool {
    matches!(apart, Apart::Unasked | Apart::NoRoom(_))
}

/// Writes it down for both. What XenStore does not take is in the log all the same.
fn publish(a: DomId, b: DomId, apart: Option<Apart>) {
    for (one, other) in [(a, b), (b, a)] {
        let (one, other) = (one.raw(), other.raw());
        let _ = match apart {
            Some(apart) => xenbus::write(fmt!("{APART}/{one}/{other}"), fmt!("{}", Show(apart))),
            None => xenbus::remove(fmt!("{APART}/{one}/{other}")),
        };
    }
}
