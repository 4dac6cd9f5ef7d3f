// SPDX-License-Identifier: GPL-2.0

//! Whom a guest talks to, and so wants channels to.
//!
//! It knows its neighbours by their MACs. Of those it never had a channel to, *strangers*, only the
//! kernel's neighbour entries tell that it talks to them, and only who the next hop is. Of those it
//! has one to, *peers*, and of those it had one to, *formers*, it sees the packets it sends to
//! their own addresses. So a gateway that is a neighbour is a stranger once: when its channel has
//! been idle it is a former, which only packets for itself bring back, or a next hop of its that was
//! not seen before.
//!
//! Of IPv6 a next hop that is a link-local address tells nothing. What is sent to it stays on the NIC,
//! and it is where routers are, and where Neighbor Discovery asks from: who only answers a question
//! uses it.
//!
//! What a guest sends counts, and not what it receives: the sender's wish is enough for a channel,
//! and nobody can make himself wanted by sending.

use core::net::IpAddr;
use core::ops::DerefMut;

use crate::addr::Mac;
use crate::sort::sort_by_key;
use crate::wish::{Wish, MAX_WISHES};

/// Packets are counted over so long, in milliseconds, to tell who is busier.
pub const WINDOW_MS: u64 = 10_000;
/// A new channel stays at least so long, in milliseconds, whoever is busier.
pub const LIFE_MS: u64 = WINDOW_MS;
/// A stranger for whom there is no room is wanted most for so long, in milliseconds, to see how busy it
/// is ...
pub const TRIAL_MS: u64 = 5_000;
/// ... and not again before so long.
pub const TRIAL_PAUSE_MS: u64 = 300_000;

/// Of a next hop that was not in use for so long, in milliseconds, another one may take the place:
/// addresses of IPv6 come and go.
pub const NEXT_HOP_MS: u64 = 600_000;

/// Next hops that are remembered of a MAC.
const MAX_NEXT_HOPS: usize = 4;

/// A neighbour that is known by its MAC.
#[derive(Clone, Copy, Debug)]
pub struct Acquaintance {
    mac: Mac,
    phase: Phase,
    /// Whether a channel to it is wanted.
    wanted: bool,
    /// When there was a sign of talk last, in milliseconds.
    active: u64,
    /// Addresses at which the kernel had it as the next hop, and what came of it was seen, with when it
    /// had so last.
    next_hops: [Option<(IpAddr, u64)>; MAX_NEXT_HOPS],
    /// Packets sent in this window of time, and in the one before.
    recent: u64,
    before: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There never was a channel; when it was wanted most last, if ever.
    Stranger { tried: Option<u64> },
    /// It is introduced.
    Peer { since: u64 },
    /// It was.
    Former,
}

/// The neighbours that are known, in a table of the caller's.
#[derive(Debug)]
pub struct Acquaintances<T> {
    table: T,
    idle_ms: u64,
    /// When the present window began.
    window: u64,
    /// The stranger that is wanted most for now, and until when.
    trial: Option<(Mac, u64)>,
}

/// What there is to remember of nobody: to fill a table with.
pub const NOBODY: Option<Acquaintance> = None;

impl<T: DerefMut<Target = [Option<Acquaintance>]>> Acquaintances<T> {
    /// Nobody is known yet; as many can be as the table has room for. A channel is wanted until
    /// there was no sign of talk for `idle_ms`, or for ever if that is 0.
    pub fn new(mut table: T, idle_ms: u64) -> Self {
        table.fill(NOBODY);
        Self {
            table,
            idle_ms,
            window: 0,
            trial: None,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Acquaintance> {
        self.table.iter().flatten()
    }

    fn find(&mut self, mac: Mac) -> Option<&mut Acquaintance> {
        let mut all = self.table.iter_mut().flatten();
        all.find(|known| known.mac == mac)
    }

    /// The acquaintance of a MAC, made if there is none, as long as there is room: for it a former that is not
    /// wanted is forgotten, the one of the longest ago, else a stranger.
    fn meet(&mut self, mac: Mac, now: u64) -> Option<&mut Acquaintance> {
        let place = |known: &Option<Acquaintance>| match known {
            Some(known) if known.mac == mac => Some((0, 0)),
            None => Some((1, 0)),
            Some(known) => match known.phase {
                Phase::Former if !known.wanted => Some((2, known.active)),
                Phase::Stranger { .. } => Some((3, known.active)),
                Phase::Former | Phase::Peer { .. } => None,
            },
        };
        let places = self.table.iter_mut().filter_map(|known| {
            let place = place(known)?;
            Some((place, known))
        });
        let (_, known) = places.min_by_key(|(place, _)| *place)?;
        if known.is_none_or(|known| known.mac != mac) {
            *known = Some(Acquaintance {
                mac,
                phase: Phase::Stranger { tried: None },
                wanted: false,
                active: now,
                next_hops: [None; MAX_NEXT_HOPS],
                recent: 0,
                before: 0,
            });
        }
        known.as_mut()
    }

    /// The kernel has a neighbour entry in use, with this MAC and next hop.
    pub fn neighbour(&mut self, mac: Mac, next_hop: IpAddr, now: u64) {
        if matches!(next_hop, IpAddr::V6(address) if address.is_unicast_link_local()) {
            return;
        }
        let Some(known) = self.meet(mac, now) else {
            return;
        };
        let new = known.is_new_at(next_hop, now);
        // A former that waits for a channel is talked to through the NIC, perhaps unseen.
        let waits = known.phase == Phase::Former && known.wanted;
        if new || known.is_stranger() || waits {
            known.talk(now);
        }
    }

    /// So many packets were sent to the addresses of a peer, or of a former, since the last call.
    pub fn sent(&mut self, mac: Mac, packets: u64, now: u64) {
        if packets == 0 {
            return;
        }
        if let Some(known) = self.find(mac) {
            known.recent = known.recent.saturating_add(packets);
            known.talk(now);
        }
    }

    /// dom0 introduces the guest of this MAC.
    pub fn introduced(&mut self, mac: Mac, now: u64) {
        let Some(known) = self.meet(mac, now) else {
            return;
        };
        if !matches!(known.phase, Phase::Peer { .. }) {
            known.phase = Phase::Peer { since: now };
            // Whoever asked for it is given time to say something.
            known.active = now;
        }
    }

    /// dom0 introduces it no longer.
    pub fn withdrawn(&mut self, mac: Mac) {
        if let Some(known) = self.find(mac) {
            if let Phase::Peer { .. } = known.phase {
                known.phase = Phase::Former;
            }
        }
    }

    /// There is no room for a channel to it after all: it is not to be taken for new, and to drive out another.
    pub fn refused(&mut self, mac: Mac) {
        self.withdrawn(mac);
    }

    /// Nothing is known of who has this MAC any more: others use its addresses.
    pub fn forget(&mut self, mac: Mac) {
        let is = |known: &&mut Option<Acquaintance>| known.is_some_and(|known| known.mac == mac);
        if let Some(known) = self.table.iter_mut().find(is) {
            *known = None;
        }
    }

    /// Forgets everybody: this is another host.
    pub fn forget_all(&mut self) {
        self.table.fill(NOBODY);
        self.trial = None;
    }

    /// Whether there is a former of this MAC.
    pub fn is_former(&self, mac: Mac) -> bool {
        let mut all = self.all();
        all.any(|known| known.mac == mac && known.phase == Phase::Former)
    }

    /// Whether a channel to who has this MAC is wanted.
    pub fn wants(&self, mac: Mac) -> bool {
        let mut all = self.all();
        all.any(|known| known.mac == mac && known.wanted)
    }

    /// Whether more channels are wanted than there is room for: what is sent to those without one is to be
    /// counted, too.
    pub fn is_short(&self, room: u16) -> bool {
        self.all().filter(|known| known.wanted).count() > usize::from(room)
    }

    /// Lets time pass: who gave no sign for too long is wanted no more.
    pub fn tick(&mut self, now: u64) {
        let windows = now.saturating_sub(self.window) / WINDOW_MS;
        if windows > 0 {
            self.window = now;
            for known in self.table.iter_mut().flatten() {
                known.before = if windows == 1 { known.recent } else { 0 };
                known.recent = 0;
            }
        }
        let idle_ms = self.idle_ms;
        if idle_ms == 0 {
            return;
        }
        for known in self.table.iter_mut() {
            let Some(idle) = known.as_mut().filter(|known| known.is_idle(now, idle_ms)) else {
                continue;
            };
            idle.wanted = false;
            if idle.is_stranger() {
                *known = None;
            }
        }
    }

    /// Whom the guest wishes for, with room for so many channels.
    ///
    /// While there is room for all they are sorted by MAC, so that the wish changes only with whom it is for.
    /// Otherwise those for whom there is room come first, as far as they can be told apart: a channel
    /// that is new, then the busiest, where one that has a channel counts double. For a stranger, of whom
    /// nothing is known, the last one of them may have to make room for a while.
    pub fn wish(&mut self, room: u16, now: u64) -> Wish {
        let wanted = self.all().filter(|known| known.wanted).count();
        let room = room.min(MAX_WISHES as u16);
        let short = self.is_short(room);
        let room = usize::from(room);
        let trial = self.trial(short, room, now);
        let elapsed = now.saturating_sub(self.window);
        sort_by_key(&mut self.table, |known| {
            let known = known.as_ref().filter(|known| known.wanted);
            known.map_or((u64::MAX, None), |known| {
                let order = match trial {
                    _ if !short => 0,
                    Some(mac) if mac == known.mac => 1,
                    _ => known.dispensability(now, elapsed),
                };
                (order, Some(known.mac))
            })
        });
        if let (true, Some(wanted)) = (short, self.table.get_mut(..wanted)) {
            // Where the order does not matter it is to change for nothing: but for who is next if one
            // of those for whom there is room cannot be had.
            let (top, rest) = wanted.split_at_mut(room.min(wanted.len()));
            let rest = rest.get_mut(1..).unwrap_or_default();
            for part in [top, rest] {
                sort_by_key(part, |known| known.as_ref().map(|known| known.mac));
            }
        }
        let mut wish = Wish::new(u16::try_from(room).unwrap_or(u16::MAX));
        for known in self.table.iter().flatten().take(wanted) {
            if wish.push(known.mac).is_err() {
                break;
            }
        }
        wish
    }

    /// The stranger whose turn it is to be tried, if one has to be.
    fn trial(&mut self, short: bool, room: usize, now: u64) -> Option<Mac> {
        // Not at the cost of who is new.
        let new = |known: &&Acquaintance| known.wanted && known.is_new(now);
        let wanted = short && self.all().filter(new).count() < room;
        let running = self.trial.filter(|(mac, until)| {
            let mut all = self.table.iter().flatten();
            now < *until && all.any(|known| known.mac == *mac && known.is_stranger())
        });
        self.trial = running.filter(|_| wanted);
        if self.trial.is_none() && wanted {
            let next = self.table.iter_mut().flatten().filter_map(|known| {
                let Phase::Stranger { tried } = known.phase else {
                    return None;
                };
                let due = tried.is_none_or(|tried| now >= tried + TRIAL_PAUSE_MS);
                (known.wanted && due).then_some((tried, known))
            });
            if let Some((_, known)) = next.min_by_key(|(tried, known)| (*tried, known.mac)) {
                known.phase = Phase::Stranger { tried: Some(now) };
                self.trial = Some((known.mac, now + TRIAL_MS));
            }
        }
        self.trial.map(|(mac, _)| mac)
    }

    /// When to look again, whatever happens, in milliseconds: a trial ends, somebody may be idle.
    pub fn next(&self, now: u64) -> Option<u64> {
        let idle = |known: &Acquaintance| {
            let ends = known.wanted && self.idle_ms > 0;
            ends.then_some(known.active + self.idle_ms)
        };
        let trial = self.trial.map(|(_, until)| until);
        let idle = self.all().filter_map(idle).min();
        [trial, idle]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.max(now + 1))
    }
}

impl Acquaintance {
    fn is_stranger(&self) -> bool {
        matches!(self.phase, Phase::Stranger { .. })
    }

    fn talk(&mut self, now: u64) {
        self.active = now;
        self.wanted = true;
    }

    /// Whether it was not seen as this next hop before, and is from now on. While there is no place for
    /// another one it was seen as any.
    fn is_new_at(&mut self, next_hop: IpAddr, now: u64) -> bool {
        let mut seen = self.next_hops.iter_mut().flatten();
        if let Some((_, last)) = seen.find(|(seen, _)| *seen == next_hop) {
            *last = now;
            return false;
        }
        let free = |place: &&mut Option<(IpAddr, u64)>| {
            place.is_none_or(|(_, last)| now.saturating_sub(last) >= NEXT_HOP_MS)
        };
        let place = self.next_hops.iter_mut().find(free);
        place.map(|place| *place = Some((next_hop, now))).is_some()
    }

    fn is_idle(&self, now: u64, idle_ms: u64) -> bool {
        self.wanted && now.saturating_sub(self.active) >= idle_ms
    }

    fn is_new(&self, now: u64) -> bool {
        matches!(self.phase, Phase::Peer { since } if now.saturating_sub(since) < LIFE_MS)
    }

    /// The less the busier, `elapsed` milliseconds into the window, 2 at least; of a peer that is new nothing.
    fn dispensability(&self, now: u64, elapsed: u64) -> u64 {
        const MOST: u64 = 1 << 40;
        let left = WINDOW_MS.saturating_sub(elapsed);
        let busy = self
            .recent
            .saturating_add(self.before.saturating_mul(left) / WINDOW_MS);
        let dispensability = match self.phase {
            _ if self.is_new(now) => return 0,
            Phase::Peer { .. } => MOST - busy.saturating_mul(2).saturating_add(1).min(MOST),
            Phase::Former => MOST - busy.min(MOST),
            Phase::Stranger { .. } => MOST + 1,
        };
        2 + dispensability
    }
}
