// SPDX-License-Identifier: GPL-2.0

//! The packets' way. Nothing here knows who opens channels or why: what wants attention rings the
//! [`bell`].

pub(crate) mod backlog;
pub(crate) mod bell;
pub(crate) mod device;
pub(crate) mod dormant;
mod figures;
pub(crate) mod group;
pub(crate) mod idle;
mod moderation;
pub(crate) mod queue;
pub(crate) mod rx;
mod senders;
pub(crate) mod settings;
pub(crate) mod sighting;
pub(crate) mod slot;
mod stats;
pub(crate) mod table;
pub(crate) mod tx;
pub(crate) mod uplink;
pub(crate) mod way_out;
