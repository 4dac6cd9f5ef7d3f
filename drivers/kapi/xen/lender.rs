// SPDX-License-Identifier: GPL-2.0

//! Pages lent to another domain, and what it does not give back.
//!
//! A domain that may read a page can go on mapping it after the grant was to end, and the page can
//! not be used for anything else as long. Its owner has to know how many there are before it lends
//! more: without a limit the borrower would decide about the owner's memory and grant table.
//!
//! C header: [`include/xen/grant_table.h`](srctree/include/xen/grant_table.h)

use crate::{
    bindings,
    xen::grant_budget::{Grant, GrantBudget, GrantReferences},
};
use core::{mem::ManuallyDrop, ptr::NonNull};
use kernel::{new_mutex, page::Page, prelude::*, sync::Arc, sync::Mutex};

/// What this domain lends to one other domain.
#[pin_data]
pub struct Lender {
    borrower: u16,
    budget: Arc<GrantBudget>,
    /// Pages that this domain is done with and the other still maps.
    #[pin]
    kept: Mutex<KVec<KVec<GrantedPage>>>,
}

impl Lender {
    /// A lender to the domain `borrower`. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(borrower: u16, budget: &Arc<GrantBudget>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                borrower,
                budget: budget.clone(),
                kept <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )
    }

    /// Frees what the other domain gave back meanwhile and returns how many pages it still keeps.
    /// Process context.
    pub fn kept(&self) -> usize {
        let mut kept = self.kept.lock();
        kept.retain(|pages| {
            pages.retain(|page| !page.end());
            !pages.is_empty()
        });
        kept.iter().map(|pages| pages.len()).sum()
    }

    /// The share of the table that is for all other domains together.
    pub fn budget(&self) -> &Arc<GrantBudget> {
        &self.budget
    }

    /// Takes back the pages, those that are still mapped later.
    fn take_back(&self, mut pages: KVec<GrantedPage>) {
        pages.retain(|page| !page.end());
        if !pages.is_empty() {
            // Without memory for the list the pages are dropped, which leaves them to the kernel.
            let _ = self.kept.lock().push(pages, GFP_KERNEL);
        }
    }
}

/// A page that another domain may read.
///
/// # Invariants
///
/// `page` was allocated by [`Self::new`] and is owned by this value; it is granted read-only under
/// `grant` unless that is `None`. `address` is where the kernel sees its 4096 bytes.
struct GrantedPage {
    // Freed when the grant has ended.
    page: ManuallyDrop<Page>,
    address: NonNull<u8>,
    grant: Option<Grant>,
}

// SAFETY: The page is owned and may be freed from any thread; access goes through
// [`GrantedPages::address`], whose callers say how they share it.
unsafe impl Send for GrantedPage {}

impl GrantedPage {
    fn new(borrower: u16, references: &mut GrantReferences) -> Result<Self> {
        let page = Page::alloc_page(GFP_KERNEL | __GFP_ZERO)?;
        // SAFETY: The page is valid; without `__GFP_HIGHMEM` it has an address.
        let address = unsafe { bindings::xl_page_address(page.as_ptr()) };
        let address = NonNull::new(address.cast()).ok_or(ENOMEM)?;
        // SAFETY: The page was just allocated; the callee computes a number from where it is.
        let frame = unsafe { bindings::xl_page_to_gfn(page.as_ptr()) };
        // SAFETY: The frame is of a page that is zeroed, holds nothing else, and stays allocated
        // until the grant has ended.
        let grant = unsafe { references.grant(borrower, frame) }?;
        // INVARIANT: Allocated and granted just now.
        Ok(Self {
            page: ManuallyDrop::new(page),
            address,
            grant: Some(grant),
        })
    }

    /// Ends the grant if the other domain does not map the page. Returns whether it has ended.
    fn end(&mut self) -> bool {
        let Some(reference) = self.grant.as_ref().map(|grant| grant.reference) else {
            return true;
        };
        // SAFETY: By the type invariant the grant is ours, so its reference is in use and nobody
        // else's to give back.
        let ended = unsafe { bindings::gnttab_try_end_foreign_access(reference) } != 0;
        if ended {
            // INVARIANT: It is granted no more.
            self.grant = None;
        }
        ended
    }
}

impl Drop for GrantedPage {
    /// A page that the other domain still maps is freed by the kernel when it no longer does.
    fn drop(&mut self) {
        match &self.grant {
            // SAFETY: By the type invariant the grant is ours, and so is the page, whose ownership
            // passes to the callee.
            Some(grant) => unsafe {
                bindings::gnttab_end_foreign_access(grant.reference, self.page.as_ptr())
            },
            // SAFETY: By the type invariant the page is ours and granted no more. It is not used
            // again.
            None => unsafe { ManuallyDrop::drop(&mut self.page) },
        }
    }
}

/// Pages of this domain that one other domain may read, until they are dropped, in process context.
pub struct GrantedPages {
    lender: Arc<Lender>,
    pages: KVec<GrantedPage>,
}

// SAFETY: A shared reference gives only grant references and addresses, which are plain numbers.
unsafe impl Sync for GrantedPages {}

impl GrantedPages {
    /// Allocates and zeroes `count` pages and lets the borrower read them. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `ENOSPC` if not as many references are left; then nothing is granted.
    pub fn new(
        lender: &Arc<Lender>,
        references: &mut GrantReferences,
        count: usize,
    ) -> Result<Self> {
        let mut this = Self {
            lender: lender.clone(),
            pages: KVec::with_capacity(count, GFP_KERNEL)?,
        };
        for _ in 0..count {
            let page = GrantedPage::new(lender.borrower, references)?;
            this.pages.push(page, GFP_KERNEL)?;
        }
        Ok(this)
    }

    /// The grant references, in the order of the pages.
    pub fn grants(&self) -> impl Iterator<Item = u32> + '_ {
        // None of them has ended before this value is dropped.
        let grants = self.pages.iter().filter_map(|page| page.grant.as_ref());
        grants.map(|grant| grant.reference)
    }

    /// How many pages there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Where the kernel sees the page `i`: 4096 bytes of this domain's, to which this value gives
    /// no other way, and which the borrower reads at the same time.
    #[inline]
    pub(crate) fn address(&self, i: usize) -> *mut u8 {
        // PANIC: The callers take `i` modulo the number of pages.
        self.pages[i].address.as_ptr()
    }
}

impl Drop for GrantedPages {
    /// Ends the grants; what the other domain still maps is the lender's to wait for.
    fn drop(&mut self) {
        let pages = core::mem::replace(&mut self.pages, KVec::new());
        self.lender.take_back(pages);
    }
}
