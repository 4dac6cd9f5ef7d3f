// SPDX-License-Identifier: GPL-2.0

//! What `xl-policy watch` says of nftables' rules, which a module cannot read: that none of those that bridged
//! frames meet holds one back.
//!
//! It says so by another number every second, so that its word does not outlive it.

use kapi::{time::now_ms, xen::xenbus};
use kernel::prelude::*;

/// Where it says so.
pub(crate) const NODE: &str = "/local/domain/0/xlnet/harmless";

/// How long its word holds, in milliseconds.
const LEASE_MS: u64 = 5000;

pub(crate) struct Clearance {
    /// What was said last, perhaps long ago.
    number: Option<u64>,
    until: u64,
}

impl Clearance {
    pub(crate) const fn none() -> Self {
        Self {
            number: None,
            until: 0,
        }
    }

    /// Whether the rules hold nothing back.
    pub(crate) fn holds(&self) -> bool {
        now_ms() < self.until
    }

    /// Reads what is said now.
    ///
    /// # Errors
    ///
    /// XenStore's; nothing is cleared then.
    pub(crate) fn read(&mut self) -> Result {
        let before = self.number;
        let until = core::mem::replace(&mut self.until, 0);
        let text = xenbus::read(fmt!("{NODE}"))?;
        let Some(number) = text.and_then(|text| text.parse().ok()) else {
            return Ok(());
        };
        // Who said the first number may be gone.
        let is_news = before.is_some_and(|before| before != number);
        self.until = if is_news { now_ms() + LEASE_MS } else { until };
        self.number = Some(number);
        Ok(())
    }
}
