// SPDX-License-Identifier: GPL-2.0

//! Who is introduced to whom: what comes of the roster and of what the guests ask for.

use kernel::prelude::*;
use xlnet_protocol::{
    pairing::{self, Demand, Pair},
    roster::{self, Apart, Guest},
    sort_by_key, Addrs, DomId, PeerEntry, Wish,
};

/// All guests as dom0 knows them, and who is introduced to whom.
pub(crate) struct Settled {
    roster: KVVec<Guest>,
    /// The guests' places in the roster, by their ids.
    places: KVVec<(DomId, usize)>,
    /// Each guest and whom it is told of, with that one's place in the roster; sorted.
    introduced: KVVec<(DomId, DomId, usize)>,
    /// Pairs, the lower id first, that ask and may meet and have no channel, as one has no room; sorted.
    refused: KVVec<(DomId, DomId, Apart)>,
}

impl Settled {
    /// Nobody is there.
    pub(crate) const fn empty() -> Self {
        Self {
            roster: KVVec::new(),
            places: KVVec::new(),
            introduced: KVVec::new(),
            refused: KVVec::new(),
        }
    }

    /// Takes a roster, as [`roster::evaluate`] left it. Nobody is introduced yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(roster: KVVec<Guest>) -> Result<Self> {
        let mut places = KVVec::with_capacity(roster.len(), GFP_KERNEL)?;
        for (at, guest) in roster.iter().enumerate() {
            places.push((guest.domid(), at), GFP_KERNEL)?;
        }
        sort_by_key(&mut places, |(domid, _)| *domid);
        Ok(Self {
            roster,
            places,
            ..Self::empty()
        })
    }

    /// Decides who is introduced. `wish` is what a guest wrote, `apart` is called for each pair of which one asks
    /// for the other and that may not meet, perhaps twice.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then all is as it was.
    pub(crate) fn settle<'a>(
        &mut self,
        wish: impl Fn(DomId) -> Option<&'a Wish>,
        mut apart: impl FnMut(DomId, DomId, Apart),
    ) -> Result {
        let roster = &*self.roster;
        let mut pairs: KVVec<Pair> = KVVec::new();
        let mut rooms = KVVec::with_capacity(roster.len(), GFP_KERNEL)?;
        for (i, guest) in roster.iter().enumerate() {
            let demand = Demand::of(guest, wish(guest.domid()));
            rooms.push(demand.room(), GFP_KERNEL)?;
            pairing::asked(roster, i, demand, |peer, pair| {
                match pair {
                    Ok(pair) => pairs.push(pair, GFP_KERNEL)?,
                    Err(reason) => apart(guest.domid(), peer.domid(), reason),
                }
                Ok::<(), Error>(())
            })?;
        }
        let (mut introduced, mut refused) = (KVVec::new(), KVVec::new());
        for pair in pairing::settle(&mut pairs, &mut rooms).iter() {
            let [one, other] = pair.guests.map(usize::from);
            let (Some(a), Some(b)) = (roster.get(one), roster.get(other)) else {
                continue;
            };
            let (a, b) = (a.domid(), b.domid());
            match pairing::apart(pair, roster) {
                None => {
                    introduced.push((a, b, other), GFP_KERNEL)?;
                    introduced.push((b, a, one), GFP_KERNEL)?;
                }
                Some(reason) => refused.push((a.min(b), a.max(b), reason), GFP_KERNEL)?,
            }
        }
        sort_by_key(&mut introduced, |(guest, peer, _)| (*guest, *peer));
        sort_by_key(&mut refused, |(a, b, _)| (*a, *b));
        (self.introduced, self.refused) = (introduced, refused);
        Ok(())
    }

    /// All guests, sorted by segment and MAC.
    pub(crate) fn roster(&self) -> &[Guest] {
        &self.roster
    }

    pub(crate) fn guest(&self, domid: DomId) -> Option<&Guest> {
        let found = self
            .places
            .binary_search_by_key(&domid, |(domid, _)| *domid);
        let (_, at) = self.places.get(found.ok()?)?;
        self.roster.get(*at)
    }

    /// Those that a guest is to be told of, sorted.
    fn peers(&self, domid: DomId) -> &[(DomId, DomId, usize)] {
        let begin = self
            .introduced
            .partition_point(|(guest, ..)| *guest < domid);
        let end = self
            .introduced
            .partition_point(|(guest, ..)| *guest <= domid);
        self.introduced.get(begin..end).unwrap_or_default()
    }

    /// Whether a guest is to be told of another.
    pub(crate) fn are_introduced(&self, domid: DomId, peer: DomId) -> bool {
        let peers = self.peers(domid);
        peers
            .binary_search_by_key(&peer, |(_, peer, _)| *peer)
            .is_ok()
    }

    /// What a guest is to be told.
    pub(crate) fn entries(
        &self,
        domid: DomId,
    ) -> impl Iterator<Item = (DomId, PeerEntry<&Addrs>)> + '_ {
        let guest = self.guest(domid);
        self.peers(domid).iter().filter_map(move |(_, peer, at)| {
            let entry = roster::introduction(guest?, self.roster.get(*at)?);
            Some((*peer, entry.ok()?))
        })
    }

    /// Pairs that ask and may meet, but for the room of one of them.
    pub(crate) fn refused(&self) -> &[(DomId, DomId, Apart)] {
        &self.refused
    }

    /// Why two guests are not introduced, if they are not.
    pub(crate) fn apart(&self, a: DomId, b: DomId) -> Option<Apart> {
        let (Some(one), Some(other)) = (self.guest(a), self.guest(b)) else {
            return Some(Apart::NotBoth);
        };
        if let Err(apart) = roster::may_meet(one, other) {
            return Some(apart);
        }
        if self.are_introduced(a, b) {
            return None;
        }
        let pair = (a.min(b), a.max(b));
        let refused = self
            .refused
            .binary_search_by_key(&pair, |(a, b, _)| (*a, *b));
        let reason = refused.ok().and_then(|at| self.refused.get(at));
        Some(reason.map_or(Apart::Unasked, |(_, _, reason)| *reason))
    }
}
