// SPDX-License-Identifier: GPL-2.0 OR MIT

//! What can go wrong, by whose fault.

use core::error::Error;
use core::fmt;

/// The peer published something that an honest peer cannot publish.
///
/// It is final: the half that found it returns the same value from every later call and never
/// touches the peer's pages again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Broken {
    /// The peer's consumer index went backwards or past what was published.
    ConsumerRange,
    /// The peer's consumer index is not a multiple of 16.
    ConsumerAlignment,
    /// The peer's producer index went backwards or past the free space of its ring.
    ProducerRange,
    /// The peer's producer index is not a multiple of 16.
    ProducerAlignment,
    /// A record says it has no bytes, or more than any record may have.
    RecordLength,
    /// A record reaches past the peer's producer index.
    RecordTruncated,
    /// The peer's state word is none of [`State`](crate::State)'s values, or went back.
    State,
}

impl Broken {
    /// The reason in words, for a log line.
    ///
    /// # Examples
    ///
    /// ```
    /// use xenfifo::Broken;
    ///
    /// assert_eq!(Broken::RecordLength.as_str(), "record length impossible");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsumerRange => "consumer index out of range",
            Self::ConsumerAlignment => "consumer index not aligned",
            Self::ProducerRange => "producer index out of range",
            Self::ProducerAlignment => "producer index not aligned",
            Self::RecordLength => "record length impossible",
            Self::RecordTruncated => "record past the producer index",
            Self::State => "state impossible",
        }
    }
}

/// Why a record was not pushed. Nothing of it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PushError {
    /// No room now. Normal: see [`Producer::wait_for`](crate::Producer::wait_for).
    Full,
    /// No record may have this length: it is zero or more than
    /// [`Producer::max_len`](crate::Producer::max_len).
    TooLong,
    /// The packet's own bytes could not be read.
    Unreadable,
    /// The peer lied, now or earlier.
    Broken(Broken),
}

/// A packet's source failed while it was copied into the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unreadable;

/// A copy out of a record would reach past the record's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutOfRange;

/// A ring size that the FIFO cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GeometryError {
    /// Not a power of two.
    NotPowerOfTwo,
    /// Less than [`MIN_RING`](crate::layout::MIN_RING).
    TooSmall,
    /// More than [`MAX_RING`](crate::layout::MAX_RING).
    TooLarge,
}

/// Why a peer's control page cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderError {
    /// This is no control page, or it is not written yet.
    Magic,
    /// A version that this crate does not speak.
    Version(u32),
    /// The user area is not where this version has it.
    HeaderLen(u32),
    /// Feature bits that this crate does not know.
    Features(u32),
    /// The ring size is impossible.
    Geometry(GeometryError),
}

impl From<Broken> for PushError {
    fn from(reason: Broken) -> Self {
        Self::Broken(reason)
    }
}

impl From<Unreadable> for PushError {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

impl From<GeometryError> for HeaderError {
    fn from(reason: GeometryError) -> Self {
        Self::Geometry(reason)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("ring full"),
            Self::TooLong => f.write_str("length not possible for a record"),
            Self::Unreadable => Unreadable.fmt(f),
            Self::Broken(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("packet unreadable")
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("copy past the record's end")
    }
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPowerOfTwo => "ring size not a power of two",
            Self::TooSmall => "ring too small",
            Self::TooLarge => "ring too large",
        })
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("not a control page"),
            Self::Version(v) => write!(f, "unknown version {v}"),
            Self::HeaderLen(v) => write!(f, "header length {v} wrong"),
            Self::Features(v) => write!(f, "unknown features {v:#x}"),
            Self::Geometry(reason) => reason.fmt(f),
        }
    }
}

impl Error for Broken {}
impl Error for PushError {}
impl Error for Unreadable {}
impl Error for OutOfRange {}
impl Error for GeometryError {}
impl Error for HeaderError {}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::{collections::HashSet, string::ToString, vec::Vec};

    /// Whoever reads a log can tell one reason from another.
    #[test]
    fn words() {
        let broken = [
            Broken::ConsumerRange,
            Broken::ConsumerAlignment,
            Broken::ProducerRange,
            Broken::ProducerAlignment,
            Broken::RecordLength,
            Broken::RecordTruncated,
            Broken::State,
        ];
        let geometry = [
            GeometryError::NotPowerOfTwo,
            GeometryError::TooSmall,
            GeometryError::TooLarge,
        ];
        let mut words: Vec<_> = [PushError::Full, PushError::TooLong]
            .map(|error| error.to_string())
            .into();
        words.extend(broken.map(|reason| reason.to_string()));
        words.extend(geometry.map(|reason| reason.to_string()));
        words.push(Unreadable.to_string());
        words.push(OutOfRange.to_string());
        assert!(words.iter().all(|words| !words.is_empty()));
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());

        assert_eq!(Broken::State.to_string(), Broken::State.as_str());
        let push = PushError::Broken(Broken::State);
        assert_eq!(push.to_string(), Broken::State.to_string());
        assert_eq!(PushError::Unreadable.to_string(), Unreadable.to_string());
    }
}
