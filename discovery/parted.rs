// SPDX-License-Identifier: GPL-2.0

//! Pairs that would meet but for something between the two of them: what the log says of them, and what
//! `xl-status` reads in dom0's own part of XenStore, which guests cannot.

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

type Pair = (DomId, DomId, Apart);

/// The pairs of which it is said that they are kept apart.
pub(crate) struct Parted {
    pairs: KVec<Pair>,
    /// There are others, of which it says nothing.
    more: bool,
}

impl Parted {
    pub(crate) const fn new() -> Self {
        Self {
            pairs: KVec::new(),
            more: false,
        }
    }

    /// Says which pairs are kept apart, or are not any more, as far as that is news.
    pub(crate) fn say(&mut self, roster: &[roster::Guest], dry_run: bool) {
        let mut pairs = KVec::new();
        let mut more = false;
        let _ = xenbus::remove(fmt!("{DRY_RUN}"));
        for (i, guest) in roster.iter().enumerate() {
            let (above, guest) = (guest.domid(), Show(guest.domid()));
            for (peer, told) in roster::peers(roster, i) {
                let domid = peer.domid();
                if domid < above {
                    continue;
                }
                let known = self
                    .pairs
                    .iter()
                    .find(|(a, b, _)| (*a, *b) == (above, domid));
                if dry_run && told.is_ok() {
                    let (one, other) = (above.raw(), domid.raw());
                    let _ = xenbus::write(fmt!("{DRY_RUN}/{one}/{other}"), fmt!(""));
                }
                match (told, known) {
                    (Ok(_), Some(_)) => {
                        pr_info!("guests {guest} and {}: may meet again\n", Show(domid));
                    }
                    (Ok(_), None) | (Err(Apart::NotBoth | Apart::Segment), _) => {}
                    (Err(apart), known) => {
                        let pair = (above, domid, apart);
                        if pairs.len() >= MAX_PAIRS || pairs.push(pair, GFP_KERNEL).is_err() {
                            more = true;
                        } else if known != Some(&pair) {
                            pr_info!(
                                "guests {guest} and {}: kept apart, {}\n",
                                Show(domid),
                                Show(apart)
                            );
                        }
                    }
                }
            }
        }
        if more && !self.more {
            pr_info!("more pairs of guests are kept apart than are listed here\n");
            let _ = xenbus::write(fmt!("{MORE}"), fmt!("yes"));
        } else if self.more && !more {
            let _ = xenbus::remove(fmt!("{MORE}"));
        }
        for (a, b, _) in self.pairs.iter().filter(|pair| !pairs.contains(*pair)) {
            publish(*a, *b, None);
        }
        for (a, b, apart) in pairs.iter().filter(|pair| !self.pairs.contains(*pair)) {
            publish(*a, *b, Some(*apart));
        }
        *self = Self { pairs, more };
    }

    /// Says nothing any more.
    pub(crate) fn withdraw(&mut self) {
        for node in [APART, DRY_RUN] {
            let _ = xenbus::remove(fmt!("{node}"));
        }
        *self = Self::new();
    }
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
