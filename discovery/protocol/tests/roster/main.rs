// SPDX-License-Identifier: GPL-2.0

//! The roster: who may meet whom, and which addresses dom0 vouches for.

mod addresses;
mod adverts;
mod elsewhere;
mod evaluate;
mod host;
mod meeting;
mod policy;
mod properties;
mod stubs;
mod vifs;
