// SPDX-License-Identifier: GPL-2.0

//! Which peers `ethtool -S` shows figures about.

use crate::data::group::{Group, MAX_GROUPS};
use kapi::net::ethtool::Report;
use kernel::sync::Arc;

/// Of each group the peer that had it at one moment, 0 if none.
#[derive(Clone, Copy)]
pub(crate) struct Peers([u32; MAX_GROUPS as usize]);

impl Peers {
    /// The peers that have the groups now.
    pub(crate) fn of(groups: &[Arc<Group>]) -> Self {
        let mut peers = [0; MAX_GROUPS as usize];
        for (peer, group) in peers.iter_mut().zip(groups) {
            *peer = group.peer().unwrap_or(0);
        }
        Self(peers)
    }

    /// Reports the figures about each of them.
    pub(crate) fn report(&self, groups: &[Arc<Group>], report: &mut Report<'_>) {
        for (&peer, group) in self.0.iter().zip(groups).filter(|(&peer, _)| peer != 0) {
            group.report(peer, report);
        }
    }
}
