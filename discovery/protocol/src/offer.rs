// SPDX-License-Identifier: GPL-2.0

//! The offer: one guest's half of a channel.

use core::fmt;

use crate::error::{Field, Kind, SchemaError};
use crate::number;
use crate::words::Words;

/// Names one channel between two guests for all time: no two channels share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelId {
    /// The pair of instances the channel joins.
    pub nonce: u64,
    /// Which of the pair's channels; the initiator counts them.
    pub generation: u32,
}

/// What one guest tells the other so that it can map its half of a channel.
///
/// Formats as the string that XenStore takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The channel this is a half of.
    pub channel: ChannelId,
    /// Grant reference of the control page.
    pub grant: u32,
    /// The initiator's event-channel port, to be bound by the responder. A responder offers none.
    pub port: Option<u32>,
}

/// The version that an offer carries: its own, the protocol's second brought no change of it.
const FORMAT: u32 = 1;

/// The first references of a grant table belong to the console and to XenStore.
pub(crate) const FIRST_GRANT: u32 = 8;

/// Xen's FIFO event channels number 2^17 ports, and port 0 is never used.
pub(crate) const MAX_PORT: u32 = (1 << 17) - 1;

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    ///
    /// Names the first field that is missing, malformed or out of range. The version is looked at
    /// first: [`Kind::Unsupported`] if it is not 1.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let mut words = Words::of(text);
        let version = words.next(Field::Version, "version")?;
        if number::decimal(Field::Version, version)? != FORMAT {
            return Err(Field::Version.error(Kind::Unsupported));
        }
        let nonce = number::hex64(Field::Nonce, words.next(Field::Nonce, "nonce")?)?;
        let generation = words.next(Field::Generation, "generation")?;
        let generation = number::decimal(Field::Generation, generation)?;
        let grant = number::decimal(Field::Grant, words.next(Field::Grant, "grant")?)?;
        let port = number::decimal(Field::Port, words.next(Field::Port, "port")?)?;
        words.end(Field::Offer)?;
        if grant < FIRST_GRANT {
            return Err(Field::Grant.error(Kind::Range));
        }
        if port > MAX_PORT {
            return Err(Field::Port.error(Kind::Range));
        }
        Ok(Self {
            channel: ChannelId { nonce, generation },
            grant,
            port: (port != 0).then_some(port),
        })
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChannelId { nonce, generation } = self.channel;
        let (grant, port) = (self.grant, self.port.unwrap_or(0));
        write!(
            f,
            "version={FORMAT} nonce={nonce:016x} generation={generation} grant={grant} port={port}"
        )
    }
}
