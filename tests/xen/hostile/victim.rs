// SPDX-License-Identifier: GPL-2.0

//! A guest that is lied to: the channel to it, opened as the protocol has it, and the lie.

use crate::{
    half::{Half, RING_BYTES},
    lie::Lie,
    packet::{self, Rng},
};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use kapi::{
    time::now_ms,
    xen::{
        events::{EventChannel, EventHandler},
        grant_table::{PeerControlPage, PeerRingPages},
        xenbus,
    },
};
use kernel::{prelude::*, sync::Arc};
use xenfifo::{
    layout::{PAGE, RECORD_ALIGN},
    PeerControl, State, Word, META_LEN,
};
use xlnet_protocol::{
    Acceptance, Addrs, ChannelId, DomId, Handshake, Node, Offer, PacketMeta, Path, PeerEntry,
    QueuePairOffer, Role, MAX_QUEUE_PAIRS,
};

/// So many packets are sent by the lies about packets.
const PACKETS: u32 = 3000;

/// How long a guest in a hurry waits for an answer, in milliseconds.
const PATIENCE_MS: u64 = 2000;

/// How long a victim that says it is ready is left in peace, in milliseconds: it looks at this guest's state once
/// more, and if that were a lie already there would be no channel to lie on.
const SETTLING_MS: u64 = 200;

/// Who listens to nothing.
struct Deaf;

impl EventHandler for Deaf {
    fn event(&self) {}
}

type Port = Arc<EventChannel<Deaf>>;

/// What dom0 tells of the victim.
pub(crate) struct Told {
    entry: PeerEntry,
    offer: Option<Offer>,
}

/// Reads what dom0 tells of a guest.
pub(crate) fn read(peer: DomId) -> Result<Option<Told>> {
    let read = |node| xenbus::read(format_args!("{}", Path::own(node)));
    let entry = read(Node::Peer(peer))?.and_then(|text| PeerEntry::parse(&text).ok());
    let offer = read(Node::PeerOffer(peer))?.and_then(|text| Offer::parse(&text).ok());
    Ok(entry.map(|entry| Told { entry, offer }))
}

/// What was mapped of the victim's half.
struct Mapped {
    control: PeerControlPage,
    /// Only for a lie that keeps it.
    _ring: Option<PeerRingPages>,
}

/// How far things are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// As a responder waits for an offer, an initiator for nothing.
    Waiting,
    /// The offer is written.
    Offered,
    /// The channel is open.
    Open,
    /// The lie is told, and there is nothing more to it.
    Over,
}

pub(crate) struct Victim {
    domid: DomId,
    role: Role,
    told: Told,
    /// Whether the packets that are sent are of IPv6.
    ipv6: bool,
    stage: Stage,
    channel: ChannelId,
    half: Option<Half>,
    port: Option<Port>,
    mapped: Option<Mapped>,
    /// What is kept of earlier channels.
    kept: KVec<Mapped>,
    /// Whether the nonce was used for all that it is good for.
    spent: bool,
    /// When the last offer was written.
    offered: u64,
    /// When the victim first said that it is ready.
    ready: Option<u64>,
    rng: Rng,
    packets: u32,
}

impl Victim {
    pub(crate) fn new(own: DomId, domid: DomId, told: Told, ipv6: bool) -> Self {
        Self {
            domid,
            role: Handshake::new(own, domid, 0).role(),
            channel: ChannelId {
                nonce: told.entry.nonce,
                generation: 1,
            },
            told,
            ipv6,
            stage: Stage::Waiting,
            half: None,
            port: None,
            mapped: None,
            kept: KVec::new(),
            spent: false,
            offered: 0,
            ready: None,
            rng: Rng::new(),
            packets: 0,
        }
    }

    pub(crate) fn domid(&self) -> DomId {
        self.domid
    }

    pub(crate) fn hear(&mut self, told: Told) {
        self.told = told;
    }

    /// Whether there is no more to be had under the nonce that dom0 told.
    pub(crate) fn is_through(&self) -> bool {
        self.spent && self.told.entry.nonce == self.channel.nonce
    }

    /// Whether the lie is told, and there is nothing more to it.
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Goes on by one step, whatever comes of it.
    pub(crate) fn step(&mut self, lie: Lie, own: &Addrs) {
        let done = match self.stage {
            Stage::Waiting => self.offer(lie),
            Stage::Offered => self.connect(lie),
            Stage::Open => self.tell(lie, own),
            Stage::Over => Ok(()),
        };
        if done.is_err() && lie == Lie::Pinning {
            // The victim was faster; there is always a next time.
            self.begin_again();
        } else if let Err(error) = done {
            pr_info!("victim {}: no further ({error:?})\n", self.domid.raw());
            self.stage = Stage::Over;
        }
    }

    /// Makes this guest's half and offers it.
    fn offer(&mut self, lie: Lie) -> Result {
        match lie {
            Lie::Silent => {
                self.stage = Stage::Over;
                return Ok(());
            }
            Lie::Busy | Lie::BusyXenStore | Lie::Instances => return Ok(()),
            _ => {}
        }
        if self.is_through() {
            return Ok(());
        }
        self.spent = false;
        let peer = self.domid.raw();
        self.channel.nonce = self.told.entry.nonce;
        match (self.role, self.told.offer) {
            (Role::Initiator, _) => {
                self.channel.generation = self.channel.generation.wrapping_add(1);
                self.port = Some(EventChannel::alloc_unbound(peer, c"xlhostile", deaf()?)?);
            }
            (Role::Responder, Some(offer)) => {
                self.channel = offer.channel;
                if let Some(port) = offer.port {
                    self.port = Some(EventChannel::bind(peer, port, c"xlhostile", deaf()?)?);
                }
                self.map(offer, lie)?;
            }
            (Role::Responder, None) => return Ok(()),
        }
        let mut half = Half::new(peer, self.channel)?;
        half.accept(&self.told.entry.addrs);
        if self.role == Role::Responder {
            half.put(Word::State, State::Ready as u32);
        }
        let mut offer = Offer {
            channel: self.channel,
            grant: half.grant().ok_or(EINVAL)?,
            port: match self.role {
                Role::Initiator => self.port.as_ref().map(|port| port.port()),
                Role::Responder => None,
            },
        };
        let mut half = Some(half);
        distort(lie, &mut half, &mut offer);
        self.half = half;
        match lie {
            Lie::OfferGarbage => self.write_offer(format_args!("version=1 nonce=- {:4000}", 0))?,
            _ => self.write_offer(format_args!("{offer}"))?,
        }
        self.offered = now_ms();
        self.stage = Stage::Offered;
        Ok(())
    }

    fn write_offer(&self, text: core::fmt::Arguments<'_>) -> Result {
        xenbus::write(format_args!("{}", Path::own(Node::Offer(self.domid))), text)
    }

    /// Maps the victim's control page and, for a lie that keeps it, the ring.
    fn map(&mut self, offer: Offer, lie: Lie) -> Result {
        let peer = self.domid.raw();
        let control = PeerControlPage::map(peer, offer.grant)?;
        let ring = if lie == Lie::Pinning {
            let pages = control.load_relaxed(Word::RingBytes) / PAGE;
            let mut grants = KVec::from_elem(0, pages as usize, GFP_KERNEL)?;
            control.read_user(0, &mut grants)?;
            Some(PeerRingPages::map(peer, &grants)?)
        } else {
            None
        };
        self.mapped = Some(Mapped {
            control,
            _ring: ring,
        });
        Ok(())
    }

    /// Waits for the victim, and opens the channel.
    fn connect(&mut self, lie: Lie) -> Result {
        match (self.role, self.told.offer) {
            (Role::Initiator, Some(offer)) if offer.channel == self.channel => {
                self.map(offer, lie)?;
                self.put(Word::State, State::Ready as u32);
                self.notify();
                self.stage = Stage::Open;
            }
            (Role::Responder, _) if self.peer(Word::State) == State::Ready as u32 => {
                let now = now_ms();
                if *self.ready.get_or_insert(now) + SETTLING_MS <= now {
                    self.stage = Stage::Open;
                }
            }
            _ if lie == Lie::Offers => self.tell_offers()?,
            // It was an answer to a former instance's offer, or the other way round.
            _ if lie == Lie::Pinning && now_ms() > self.offered + PATIENCE_MS => self.keep()?,
            _ => {}
        }
        Ok(())
    }

    /// A word of the victim's control page.
    fn peer(&self, word: Word) -> u32 {
        let mapped = self.mapped.as_ref();
        mapped.map_or(0, |mapped| mapped.control.load_acquire(word))
    }

    /// Whether the victim has said which packets it takes, as it does when it has opened the channel.
    fn has_opened(&self) -> bool {
        let mapped = self.mapped.as_ref();
        mapped.is_some_and(|mapped| mapped.control.user_word(Acceptance::REVISION) != 0)
    }

    fn put(&mut self, word: Word, value: u32) {
        if let Some(half) = &mut self.half {
            half.put(word, value);
        }
    }

    fn notify(&self) {
        if let Some(port) = &self.port {
            port.notify();
        }
    }

    /// Writes words and tells the victim; that is all there is to this lie.
    fn put_and_rest(&mut self, word: Word, value: u32) {
        self.put(word, value);
        self.notify();
        self.stage = Stage::Over;
    }

    /// Publishes one record that says it has `len` bytes and has `there`.
    fn record(&mut self, len: u32, there: usize) -> Result {
        let bytes = KVec::from_elem(0, there, GFP_KERNEL)?;
        if let Some(half) = &mut self.half {
            half.push(len, [0; META_LEN], &bytes);
            half.publish();
        }
        self.notify();
        Ok(())
    }

    /// As a receiver would that receives nothing: the victim shall not find that out.
    fn consume(&mut self) {
        let there = self.peer(Word::Producer);
        self.put(Word::Consumer, there);
    }

    /// Tells the lie on the open channel.
    fn tell(&mut self, lie: Lie, own: &Addrs) -> Result {
        match lie {
            Lie::ProducerAhead => {
                self.put_and_rest(Word::Producer, RING_BYTES + RECORD_ALIGN);
            }
            Lie::ProducerBack if self.packets == 0 => {
                self.record(64, 64)?;
                self.packets = 1;
            }
            Lie::ProducerBack => {
                if self.peer(Word::Consumer) == self.produced() {
                    self.put_and_rest(Word::Producer, 0);
                }
            }
            Lie::ProducerUnaligned => self.put_and_rest(Word::Producer, RECORD_ALIGN / 2),
            // Not before the victim sends, or it finds a stalled channel instead of a lie.
            Lie::ConsumerAhead | Lie::ConsumerUnaligned if self.peer(Word::Producer) == 0 => {}
            // Who has written more than its ring has, has seen that some of it was consumed.
            Lie::ConsumerBack if self.peer(Word::Producer) <= self.peer(Word::RingBytes) => {
                self.consume();
                self.notify();
            }
            Lie::ConsumerBack => self.put_and_rest(Word::Consumer, 0),
            Lie::ConsumerAhead => self.put_and_rest(Word::Consumer, 1 << 30),
            Lie::ConsumerUnaligned => self.put_and_rest(Word::Consumer, RECORD_ALIGN / 2),
            Lie::Racing => self.race(),
            Lie::RecordEmpty => self.record_and_rest(0, 0)?,
            Lie::RecordHuge => self.record_and_rest(u32::MAX, 64)?,
            Lie::RecordOverRing => self.record_and_rest(60_000, 64)?,
            Lie::RecordTruncated => self.record_and_rest(1000, 64)?,
            Lie::StateUnknown => self.put_and_rest(Word::State, 77),
            Lie::StateBack => self.put_and_rest(Word::State, State::Init as u32),
            Lie::AcceptanceBeyond => {
                self.stage = Stage::Over;
                if let Some(half) = &mut self.half {
                    half.accept_too_many();
                }
                self.notify();
            }
            // Not before the victim has found the channel open.
            Lie::ClosingForEver if !self.has_opened() => {}
            Lie::ClosingForEver => self.put_and_rest(Word::State, State::Closing as u32),
            Lie::Offload
            | Lie::Garbage
            | Lie::SpoofedSource
            | Lie::ForeignDestination
            | Lie::Family
            | Lie::Extensions
            | Lie::Jumbo => {
                self.consume();
                self.send(lie, own)?;
            }
            Lie::Vanishing => {
                self.half = None;
                self.stage = Stage::Over;
            }
            Lie::PortClosed => {
                self.port = None;
                self.stage = Stage::Over;
            }
            Lie::StateFlapping => {
                self.put(Word::State, 77);
                self.notify();
                self.put(Word::State, State::Ready as u32);
                self.notify();
            }
            Lie::Storm => self.notify(),
            Lie::Offers => self.tell_offers()?,
            Lie::Pinning => self.keep()?,
            Lie::NeverConsuming => {}
            _ => self.consume(),
        }
        Ok(())
    }

    fn record_and_rest(&mut self, len: u32, there: usize) -> Result {
        self.stage = Stage::Over;
        self.record(len, there)
    }

    fn produced(&self) -> u32 {
        self.half.as_ref().map_or(0, |half| half.produced)
    }

    fn race(&mut self) {
        let words = [
            Word::Producer,
            Word::Consumer,
            Word::ProducerEvent,
            Word::State,
        ];
        let any = self.rng.next() as u32;
        let word = self.rng.one_of(&words);
        let value = self
            .rng
            .one_of(&[0, 1, 2, 16, 64, RING_BYTES, any & !15, any]);
        self.put(word, value);
        if let Some(half) = &mut self.half {
            half.produced = any & !15;
            half.push(value, [any as u8; META_LEN], &[]);
        }
        if any % 16 == 0 {
            self.notify();
        }
    }

    fn tell_offers(&mut self) -> Result {
        self.channel.generation = self.channel.generation.wrapping_add(1);
        let offer = Offer {
            channel: self.channel,
            grant: self.half.as_ref().and_then(Half::grant).ok_or(EINVAL)?,
            port: self.port.as_ref().map(|port| port.port()),
        };
        self.write_offer(format_args!("{offer}"))
    }

    /// Keeps what is mapped of the victim, and begins anew.
    fn keep(&mut self) -> Result {
        if let Some(mapped) = self.mapped.take() {
            self.kept.push(mapped, GFP_KERNEL)?;
        }
        self.put(Word::State, State::Closed as u32);
        self.notify();
        xenbus::remove(format_args!("{}", Path::own(Node::Offer(self.domid))))?;
        self.begin_again();
        Ok(())
    }

    /// Lets go of the channel; the next begins under another nonce.
    fn begin_again(&mut self) {
        self.half = None;
        self.port = None;
        self.mapped = None;
        self.ready = None;
        self.spent = true;
        self.stage = Stage::Waiting;
    }

    /// Sends packets, as many as there is room for.
    fn send(&mut self, lie: Lie, own: &Addrs) -> Result {
        let ipv6 = self.ipv6;
        let first = |addrs: &Addrs| addrs.iter().find(|address| address.is_ipv6() == ipv6);
        let mut source = first(own).ok_or(EINVAL)?;
        let mut destination = first(&self.told.entry.addrs).ok_or(EINVAL)?;
        let elsewhere = if ipv6 {
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 200))
        } else {
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 200))
        };
        // An IPv4 address of this guest's is nobody's in IPv6.
        let mapped = own.iter().find_map(|address| match address {
            IpAddr::V4(address) if ipv6 => Some(IpAddr::V6(address.to_ipv6_mapped())),
            _ => None,
        });
        let spoofed = [elsewhere, mapped.unwrap_or(elsewhere)];
        if lie == Lie::ForeignDestination {
            destination = elsewhere;
        }
        let mut sent = false;
        while self.packets < PACKETS && self.room() > u32::from(u16::MAX) + 2 * RECORD_ALIGN {
            if lie == Lie::SpoofedSource {
                source = self.rng.one_of(&spoofed);
            }
            let lens = [20, 28, 40, 60, 100, 1500, 1600, 1601, 9000, u16::MAX];
            let len = self.rng.one_of(&lens);
            let protocol = self.rng.one_of(&[packet::ICMP, packet::TCP, packet::UDP]);
            let mut bytes = packet::ip(source, destination, protocol, len)?;
            let len = bytes.len() as u16;
            let mut meta = packet::plain(ipv6);
            match lie {
                Lie::Offload => meta = self.rng.meta(ipv6, len),
                Lie::Family => meta = packet::plain(!ipv6),
                Lie::Extensions => packet::extend(&mut bytes, &mut self.rng),
                Lie::Jumbo => packet::enlarge(&mut bytes, &mut self.rng),
                Lie::Garbage => {
                    bytes.iter_mut().for_each(|b| *b = self.rng.next() as u8);
                    let any = self.rng.next() as u16;
                    meta = PacketMeta {
                        ethertype: self.rng.one_of(&[0x0800, 0x86dd, 0x0806, 0, any]),
                        ..self.rng.meta(ipv6, len)
                    };
                }
                _ => {}
            }
            if let Some(half) = &mut self.half {
                half.push(len.into(), meta.to_bytes(), &bytes);
            }
            self.packets += 1;
            sent = true;
        }
        if let (true, Some(half)) = (sent, &mut self.half) {
            half.publish();
            self.notify();
        }
        Ok(())
    }

    /// Bytes free in the ring, by the victim's word.
    fn room(&self) -> u32 {
        let filled = self.produced().wrapping_sub(self.peer(Word::Consumer));
        RING_BYTES.saturating_sub(filled)
    }
}

fn deaf() -> Result<Arc<Deaf>> {
    Ok(Arc::new(Deaf, GFP_KERNEL)?)
}

/// Makes a lie of what is about to be offered.
fn distort(lie: Lie, half: &mut Option<Half>, offer: &mut Offer) {
    if let Some(half) = half {
        match lie {
            Lie::HeaderMagic => half.put(Word::Magic, 0),
            Lie::HeaderSize => half.put(Word::RingBytes, RING_BYTES + PAGE),
            Lie::HeaderLarge => half.put(Word::RingBytes, 1 << 30),
            Lie::HeaderCookie => half.put(Word::CookieLow, !(offer.channel.nonce as u32)),
            Lie::RecordOverRing => half.put(Word::RingBytes, 4 * PAGE),
            Lie::RingGrantBad => half.put_grant(RING_BYTES / PAGE - 1, u32::MAX),
            Lie::RingGrantsEqual => {
                let first = half.ring_grant().unwrap_or(0);
                (0..RING_BYTES / PAGE).for_each(|i| half.put_grant(i, first));
            }
            Lie::PairsBeyond => half.put_further(MAX_QUEUE_PAIRS as u32, (&*offer).into()),
            Lie::PairsEqual => half.put_further(1, (&*offer).into()),
            Lie::PairsUnasked => {
                let (grant, port) = (offer.grant + 1, offer.port.map(|port| port + 1));
                half.put_further(1, QueuePairOffer { grant, port });
            }
            _ => {}
        }
    }
    match lie {
        Lie::ControlGrantBeyond => offer.grant = u32::MAX,
        Lie::ControlGrantEnded => *half = None,
        Lie::PortBad => offer.port = offer.port.map(|_| 4000),
        _ => {}
    }
}
