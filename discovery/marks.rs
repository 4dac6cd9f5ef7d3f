// SPDX-License-Identifier: GPL-2.0

//! Domains about which something changed: noted one by one, as long as they are few.

use kernel::prelude::*;
use xlnet_protocol::DomId;

/// Of so many each is noted; of more, that it may be any.
const MAX_NOTED: usize = 64;

/// A set of domains.
pub(crate) enum Marks {
    /// These.
    Of(KVec<DomId>),
    All,
}

impl Marks {
    pub(crate) const fn none() -> Self {
        Self::Of(KVec::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Of(domains) if domains.is_empty())
    }

    pub(crate) fn contains(&self, domain: DomId) -> bool {
        match self {
            Self::Of(domains) => domains.contains(&domain),
            Self::All => true,
        }
    }

    /// Returns whether that was not noted yet.
    pub(crate) fn add(&mut self, domain: DomId) -> bool {
        if self.contains(domain) {
            return false;
        }
        if let Self::Of(domains) = self {
            if domains.len() >= MAX_NOTED || domains.push(domain, GFP_KERNEL).is_err() {
                *self = Self::All;
            }
        }
        true
    }

    /// Takes all of them.
    pub(crate) fn take(&mut self) -> Self {
        core::mem::replace(self, Self::none())
    }
}
