// SPDX-License-Identifier: GPL-2.0

//! How much of this domain's grant table may be lent, and references that are set aside from it.
//!
//! Disks and NICs use the same table, and a disk that is refused a grant stands still. So what is
//! lent has a limit, and the rest is a reserve, which is there whenever references are set aside:
//! how many are free cannot be asked, only had.
//!
//! C header: [`include/xen/grant_table.h`](srctree/include/xen/grant_table.h)

use crate::{bindings, errno::EDQUOT};
use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc,
    },
};

/// Entries in a frame of the table (`struct grant_entry_v1`, in
/// `include/xen/interface/grant_table.h`). Linux uses the longer entries of version 2, half as many
/// in a frame, only where it is told to or memory lies beyond 16 TiB. There the limit is never
/// reached, and the reserve alone decides.
const PER_FRAME: u32 = 4096 / 8;
/// `gnttab_alloc_grant_references` counts in 16 bits: the reserve, and at most as much again for
/// once.
const MAX_RESERVE: u32 = 0x8000;

/// How much of the table may be lent, and how much is.
pub struct GrantBudget {
    limit: u32,
    reserve: u32,
    /// What is set aside or lent.
    used: Atomic<u32>,
}

impl GrantBudget {
    /// A budget of so many hundredths of what the table may grow to, all of it at most. Process
    /// context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENODEV` without Xen, and in an HVM guest that is to do without its devices, whose
    /// kernel sets up no grant table.
    pub fn new(percent: u8) -> Result<Arc<Self>> {
        // SAFETY: Reads variables that are constant after boot.
        if !unsafe { bindings::xen_has_pv_devices() } {
            return Err(ENODEV);
        }
        // SAFETY: This is a domain; the function only asks how many frames Xen allows.
        let frames = unsafe { bindings::gnttab_max_grant_frames() };
        let entries = frames.saturating_mul(PER_FRAME);
        let limit = u64::from(entries) * u64::from(percent.min(100)) / 100;
        // No more than `entries`, a `u32`.
        let limit = limit as u32;
        let this = Self {
            limit,
            reserve: (entries - limit).min(MAX_RESERVE),
            used: Atomic::new(0),
        };
        Ok(Arc::new(this, GFP_KERNEL)?)
    }

    /// How many references may be lent at most, to all other domains together.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Sets `count` references aside. Process context.
    ///
    /// # Errors
    ///
    /// `EDQUOT` if as many are not left of the budget; `ENOSPC` if the table has not as many and
    /// the reserve besides.
    pub fn set_aside(self: &Arc<Self>, count: u32) -> Result<GrantReferences> {
        if count > self.limit {
            return Err(EDQUOT);
        }
        let before = self.used.fetch_add(count, Full);
        // What follows may fail, and then it is dropped, which corrects that.
        let mut set_aside = GrantReferences {
            budget: self.clone(),
            list: None,
            left: count,
        };
        if before
            .checked_add(count)
            .is_none_or(|used| used > self.limit)
        {
            return Err(EDQUOT);
        }
        let reserve = List::allocate(self.reserve)?;
        set_aside.list = List::allocate(count)?;
        drop(reserve);
        Ok(set_aside)
    }

    /// Takes note that so many references are neither set aside nor lent any more.
    fn give_back(&self, count: u32) {
        self.used.fetch_sub(count, Full);
    }
}

/// References that the kernel has given out, and that grant nothing.
///
/// # Invariants
///
/// `head` is a list of such references, which is this value's alone.
struct List {
    head: bindings::grant_ref_t,
}

impl List {
    /// Has the kernel give out `count` references; none are no list.
    fn allocate(count: u32) -> Result<Option<Self>> {
        let count = u16::try_from(count).map_err(|_| ENOSPC)?;
        if count == 0 {
            return Ok(None);
        }
        let mut head = 0;
        // SAFETY: There is a budget, so this is a domain with Xen's devices, and the kernel sets the
        // table up before it looks for them; `head` is valid for writes.
        to_result(unsafe { bindings::gnttab_alloc_grant_references(count, &mut head) })?;
        // INVARIANT: It was allocated just now.
        Ok(Some(Self { head }))
    }

    /// Takes one out of the list. `None` if it is empty.
    fn claim(&mut self) -> Option<bindings::grant_ref_t> {
        // SAFETY: By the type invariant this is a list. What is taken out of it is no part of it
        // any more.
        let reference = unsafe { bindings::gnttab_claim_grant_reference(&mut self.head) };
        // An error is negative.
        u32::try_from(reference).ok()
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: By the type invariant what is in the list grants nothing, and nobody else has it.
        // An empty list may be given back, too.
        unsafe { bindings::gnttab_free_grant_references(self.head) };
    }
}

/// References that are set aside for pages to be lent. Dropping them gives back those that were not
/// used.
pub struct GrantReferences {
    budget: Arc<GrantBudget>,
    list: Option<List>,
    /// How many of them count in the budget and were not used.
    left: u32,
}

impl GrantReferences {
    /// Lets the domain `borrower` read a page, of the guest frame number `frame`.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if no more references are set aside.
    ///
    /// # Safety
    ///
    /// The page has to stay allocated, and to hold nothing but what the borrower may read, until
    /// the grant has ended.
    pub(super) unsafe fn grant(&mut self, borrower: u16, frame: usize) -> Result<Grant> {
        let reference = self.list.as_mut().and_then(List::claim).ok_or(ENOSPC)?;
        // SAFETY: The reference grants nothing yet, and is nobody else's. The rest is the caller's
        // promise.
        unsafe { bindings::gnttab_grant_foreign_access_ref(reference, borrower, frame, 1) };
        self.left -= 1;
        Ok(Grant {
            reference,
            budget: self.budget.clone(),
        })
    }
}

impl Drop for GrantReferences {
    fn drop(&mut self) {
        self.budget.give_back(self.left);
    }
}

/// A page that another domain may read. It counts in the budget until this is dropped, which does
/// not end it.
pub(super) struct Grant {
    pub(super) reference: bindings::grant_ref_t,
    budget: Arc<GrantBudget>,
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.budget.give_back(1);
    }
}
