// SPDX-License-Identifier: GPL-2.0

//! Everything that is not a packet: who the peers are, their channels' lives, routes.

mod account;
pub(crate) mod advert;
pub(crate) mod avoid;
mod candidate;
mod channel;
pub(crate) mod demand;
pub(crate) mod follow;
mod known;
mod link;
pub(crate) mod listeners;
pub(crate) mod managed;
pub(crate) mod manager;
mod next_hops;
pub(crate) mod nic;
mod opened;
mod peer;
mod place;
mod probe;
mod publisher;
mod queue_pair;
mod replies;
pub(crate) mod report;
pub(crate) mod router;
mod routes;
mod session;
mod told;
mod watchdog;
mod watched;
