// SPDX-License-Identifier: GPL-2.0

//! How two xlnet guests on one Xen host meet.
//!
//! Pure parts, shared by the guest module and the dom0 module and tested on the host:
//!
//! * the XenStore schema: [`Path`], [`Advert`], [`Offer`], [`PeerEntry`] and their strict parsers;
//! * the [`roster`]: which guests dom0 lets meet, and which addresses it vouches for;
//! * [`pairing`]: who of these is introduced, which is who talks;
//! * the [`Acquaintances`] of a guest: whom it talks to;
//! * the [`Handshake`]: the state machine by which a guest opens and closes one channel.
//!
//! Nothing here allocates, reads a clock, or panics on what a guest wrote: tables belong to the
//! caller, time is an argument in milliseconds, and values from XenStore are parsed or refused.
//!
//! `docs/protocol.md` describes the same protocol from the outside.

#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod acceptance;
mod acquaintance;
mod addr;
mod advert;
mod apart;
mod domid;
mod error;
mod handshake;
mod ip;
mod list;
mod meta;
mod ndp;
mod number;
mod offer;
pub mod pairing;
mod path;
mod peer;
pub mod policy;
pub mod port;
mod queue_pairs;
mod reason;
pub mod roster;
mod shortage;
mod sort;
mod traffic;
mod version;
mod warning;
mod wish;
mod words;

pub use acceptance::{Acceptance, Accepted, MAX_ACCEPTED};
pub use acquaintance::{
    Acquaintance, Acquaintances, LIFE_MS, NEXT_HOP_MS, NOBODY, TRIAL_MS, TRIAL_PAUSE_MS, WINDOW_MS,
};
pub use addr::{Addrs, Mac, MAX_ADDRS};
pub use advert::{Advert, AdvertText, Value, ON_DEMAND};
pub use domid::DomId;
pub use error::{Field, Kind, SchemaError};
pub use handshake::{
    Action, Actions, Event, Failed, Handshake, PeerState, PeerView, Role, State, BACKOFF_MAX_MS,
    BACKOFF_MIN_MS, CLOSE_MS, LIVED_MS, PACE_MS, WAIT_MS,
};
pub use ip::Ends;
pub use list::{Full, List};
pub use meta::{PacketMeta, ETHERTYPE_IPV4, ETHERTYPE_IPV6};
pub use ndp::{NdpClaim, NdpMessage};
pub use offer::{ChannelId, Offer};
pub use path::{Node, Path, Tree};
pub use peer::{pair_nonce, PeerEntry};
pub use queue_pairs::{FurtherQueuePairs, QueuePairOffer, MAX_QUEUE_PAIRS, MAX_RING_PAGES};
pub use reason::{Reason, Reasons};
pub use shortage::Shortage;
pub use sort::sort_by_key;
pub use traffic::Traffic;
pub use version::Version;
pub use wish::{Wish, MAX_WISHES};
