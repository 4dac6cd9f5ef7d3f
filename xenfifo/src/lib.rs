// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A packet FIFO over shared memory between two parties that do not trust each other.
//!
//! Every page has one writer: the producer owns the ring and its producer index, the consumer
//! owns its consumer index, and each maps the other's pages read-only. Neither can damage the
//! other's state; all it can do is publish nonsense in its own, and nonsense is found before it
//! is used: the half that sees an impossible value is [`Broken`] from then on.
//!
//! - One direction is a [`Producer`] on one side and a [`Consumer`] on the other. A
//!   bidirectional channel has two, and one control page per side serves both.
//! - Packets are 1 to [`MAX_RECORD`] bytes and cross whole, with 12 bytes of metadata that the
//!   FIFO does not interpret.
//! - Any number of packets is published by one index store, and at most one notification
//!   follows; a side that is awake gets none.
//!
//! The halves run on any memory that implements [`Memory`]: pages behind Xen grants in a kernel,
//! memfds between processes (the `host` module), a model in tests. The crate is `no_std`,
//! allocates nothing and depends on nothing, unless the default feature `host` is on.
//!
//! # Examples
//!
//! ```
//! # #[cfg(all(feature = "host", target_os = "linux"))] {
//! use xenfifo::host;
//!
//! // Two sides of one channel. In real life they live in two processes, and each gets the
//! // other's file descriptor.
//! let left = host::OwnPages::create(64 * 1024, 1, 0)?;
//! let right = host::OwnPages::create(64 * 1024, 1, 0)?;
//! let (peer_of_left, peer_of_right) = (host::PeerPages::map(&right)?, host::PeerPages::map(&left)?);
//! let (mut tx, _) = host::channel(left, peer_of_left)?;
//! let (_, mut rx) = host::channel(right, peer_of_right)?;
//!
//! tx.push([0; 12], &[b"hello, ", b"world"])?;
//! if tx.publish()? {
//!     // Here the peer would be sent an event.
//! }
//!
//! let record = rx.peek()?.expect("published above");
//! let mut packet = vec![0; record.len() as usize];
//! record.copy_to(0, &mut packet)?;
//! record.consume();
//! rx.publish();
//! assert_eq!(packet, b"hello, world");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![deny(unsafe_code, missing_docs)]

#[cfg(all(feature = "host", target_os = "linux"))]
extern crate std;

// Compiles the README's example.
#[cfg(all(doctest, feature = "host", target_os = "linux"))]
#[doc = include_str!("../README.md")]
mod readme {}

mod consumer;
mod control;
mod error;
// The one module that touches shared memory.
#[cfg(all(feature = "host", target_os = "linux"))]
#[allow(unsafe_code)]
pub mod host;
pub mod layout;
mod mem;
mod notify;
mod producer;

pub use consumer::{Consumer, Record};
pub use control::{ControlHeader, State};
pub use error::{Broken, GeometryError, HeaderError, OutOfRange, PushError, Unreadable};
pub use layout::{Word, MAX_RECORD, META_LEN};
pub use mem::{Memory, OwnControl, OwnRing, PeerControl, PeerRing};
pub use notify::need_event;
pub use producer::Producer;
