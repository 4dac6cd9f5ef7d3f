// SPDX-License-Identifier: GPL-2.0

//! What the log says of pairs that would meet but for something between the two of them.

use kapi::Show;
use kernel::prelude::*;
use xlnet_protocol::{
    roster::{self, Apart},
    DomId,
};

/// So many pairs are kept account of. Where ports are isolated, all pairs are apart.
const MAX_PAIRS: usize = 256;

type Pair = (DomId, DomId, Apart);

/// The pairs of which the log says that they are kept apart.
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

    /// Has the log say which pairs are kept apart, or are not any more, as far as that is news.
    pub(crate) fn log(&mut self, roster: &[roster::Guest]) {
        let mut pairs = KVec::new();
        let mut more = false;
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
        }
        *self = Self { pairs, more };
    }
}
