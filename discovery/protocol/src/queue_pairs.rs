// SPDX-License-Identifier: GPL-2.0

//! The queue pairs of a channel, as its control pages describe them.
//!
//! A queue pair is a ring in each direction, a control page on each side, and an event channel. The
//! offer names the first; that pair's control page names the others in its user area, behind the
//! grant references of its ring.

use crate::error::{Field, Kind, SchemaError};
use crate::list::{Full, List};
use crate::offer::{Offer, FIRST_GRANT, MAX_PORT};

/// Queue pairs that a channel has at most.
pub const MAX_QUEUE_PAIRS: usize = 4;

/// Queue pairs of a channel besides its first, at most.
const MAX_FURTHER: usize = MAX_QUEUE_PAIRS - 1;

/// Grant references of a ring's pages at most, which the user area begins with.
pub const MAX_RING_PAGES: usize = 512;

/// Half of a queue pair, as its owner offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePairOffer {
    /// Grant reference of its control page.
    pub grant: u32,
    /// The initiator's event-channel port, to be bound by the responder. A responder offers none.
    pub port: Option<u32>,
}

impl QueuePairOffer {
    /// Reads a queue pair of the half of a channel that begins with `first`.
    fn parse(grant: u32, port: u32, first: Self) -> Result<Self, SchemaError> {
        if grant < FIRST_GRANT {
            return Err(Field::Grant.error(Kind::Range));
        }
        // All halves of a side have a port, or none has.
        if port > MAX_PORT || (port == 0) != first.port.is_none() {
            return Err(Field::Port.error(Kind::Range));
        }
        Ok(Self {
            grant,
            port: (port != 0).then_some(port),
        })
    }

    /// Which part of two halves must not be, but is the same.
    fn clash(&self, other: &Self) -> Option<Field> {
        if self.grant == other.grant {
            Some(Field::Grant)
        } else if self.port.is_some() && self.port == other.port {
            Some(Field::Port)
        } else {
            None
        }
    }
}

impl From<&Offer> for QueuePairOffer {
    /// The first queue pair.
    fn from(offer: &Offer) -> Self {
        Self {
            grant: offer.grant,
            port: offer.port,
        }
    }
}

/// The queue pairs besides the first, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FurtherQueuePairs(List<QueuePairOffer, MAX_FURTHER>);

impl FurtherQueuePairs {
    /// Words of the user area that describe them: their number, then grant reference and port of
    /// each.
    pub const WORDS: usize = 1 + 2 * MAX_FURTHER;

    /// Where in the user area these words begin, in words.
    pub const OFFSET: usize = MAX_RING_PAGES;

    /// Reads the description that a peer wrote, whose offer was `first`. A peer that knows of one
    /// queue pair only leaves zeros.
    ///
    /// # Errors
    ///
    /// Names what is out of range, or the same for two queue pairs.
    pub fn parse(words: &[u32; Self::WORDS], first: &Offer) -> Result<Self, SchemaError> {
        let [count, halves @ ..] = words;
        let count = *count as usize;
        if count > MAX_FURTHER {
            return Err(Field::QueuePairs.error(Kind::Range));
        }
        let first = QueuePairOffer::from(first);
        let mut this = Self::default();
        for half in halves.chunks_exact(2).take(count) {
            let [grant, port] = *half else { break };
            let half = QueuePairOffer::parse(grant, port, first)?;
            let clash = this
                .iter()
                .chain([&first])
                .find_map(|other| half.clash(other));
            if let Some(field) = clash {
                return Err(field.error(Kind::Duplicate));
            }
            // There is room for `MAX_FURTHER`.
            let _ = this.0.push(half);
        }
        Ok(this)
    }

    /// Adds a queue pair.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::Full) if there are as many as a channel may have.
    pub fn push(&mut self, half: QueuePairOffer) -> Result<(), Full> {
        self.0.push(half)
    }

    /// The description.
    pub fn to_words(&self) -> [u32; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        let [count, halves @ ..] = &mut words;
        *count = self.0.len() as u32;
        for (words, half) in halves.chunks_exact_mut(2).zip(self.iter()) {
            words.copy_from_slice(&[half.grant, half.port.unwrap_or(0)]);
        }
        words
    }

    /// The queue pairs.
    pub fn iter(&self) -> impl Iterator<Item = &QueuePairOffer> + '_ {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the channel has one queue pair only.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
