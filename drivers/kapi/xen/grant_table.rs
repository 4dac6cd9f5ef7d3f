// SPDX-License-Identifier: GPL-2.0

//! Pages of another domain mapped here, and the FIFO's memory made of those and of pages granted
//! to the other domain.
//!
//! A granted page is zeroed before the grant, holds nothing else, and can only be read by the
//! other domain. Foreign pages are mapped one by one, since a PV guest cannot map them in a row.
//!
//! C header: [`include/xen/grant_table.h`](srctree/include/xen/grant_table.h)

use crate::{
    bindings,
    net::receive::Source,
    xen::{
        expect_domain,
        grant_budget::GrantReferences,
        lender::{GrantedPages, Lender},
    },
};
use core::mem::MaybeUninit;
use kernel::{error::to_result, prelude::*, sync::Arc};
use xenfifo::{
    layout::{self, Word},
    Memory, OwnControl, OwnRing, PeerControl, PeerRing, Record,
};

const PAGE: usize = layout::PAGE as usize;
const PAGE_MASK: u32 = layout::PAGE - 1;

/// What an operation says that Xen has not come to.
const NOT_MAPPED: i16 = bindings::GNTST_general_error as i16;

/// Pages of another domain, mapped read-only. Dropping them unmaps them, in process context.
///
/// # Invariants
///
/// `pages` came from `gnttab_alloc_pages`; page `i` maps the frame behind a grant at
/// `addresses[i]`, where 4096 bytes are readable until `drop`. The other domain may change them at
/// any moment. `unmaps` has one entry for each page that is mapped, and `mapped` lists those pages.
pub struct ForeignPages {
    pages: KVec<*mut bindings::page>,
    addresses: KVec<*const u8>,
    mapped: KVec<*mut bindings::page>,
    unmaps: KVec<bindings::gnttab_unmap_grant_ref>,
    /// What the unmap needs, allocated beforehand: it must not fail.
    queue: KBox<bindings::gntab_unmap_queue_data>,
}

// SAFETY: The mapping is in the part of the address space that all threads have, and any may unmap
// it.
unsafe impl Send for ForeignPages {}
// SAFETY: Through a shared reference the pages can only be read, which does not go wrong whoever
// writes them: each access is volatile, or C's.
unsafe impl Sync for ForeignPages {}

impl ForeignPages {
    /// Maps the pages that the domain `peer` granted under `grants`. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENOSPC` if this domain maps as much as Xen lets it, or `EACCES` if Xen refuses
    /// one of the grants, `ENODEV` without Xen; then nothing is mapped.
    pub fn map(peer: u16, grants: &[u32]) -> Result<Self> {
        expect_domain()?;
        let count = c_int::try_from(grants.len()).map_err(|_| EINVAL)?;
        // All memory first, so that nothing can fail between mapping and the value that unmaps, nor
        // before that has pages to give back.
        let mut ops: KVec<bindings::gnttab_map_grant_ref> =
            KVec::with_capacity(grants.len(), GFP_KERNEL)?;
        let mut this = Self {
            pages: KVec::from_elem(core::ptr::null_mut(), grants.len(), GFP_KERNEL)?,
            addresses: KVec::with_capacity(grants.len(), GFP_KERNEL)?,
            mapped: KVec::with_capacity(grants.len(), GFP_KERNEL)?,
            unmaps: KVec::with_capacity(grants.len(), GFP_KERNEL)?,
            queue: KBox::new(Default::default(), GFP_KERNEL)?,
        };
        // SAFETY: `pages` has room for `count` pointers.
        let error = unsafe { bindings::gnttab_alloc_pages(count, this.pages.as_mut_ptr()) };
        if let Err(error) = to_result(error) {
            // Nothing to give back.
            this.pages.clear();
            return Err(error);
        }
        for (&page, &grant) in this.pages.iter().zip(grants) {
            let mut op = bindings::gnttab_map_grant_ref::default();
            // SAFETY: The page is valid, and pages for foreign frames have an address.
            let address = unsafe { bindings::xl_page_address(page) };
            // SAFETY: `op` is valid for writes. What it is to do is not done here.
            unsafe { bindings::xl_gnttab_set_map_ro(&mut op, address, grant, peer) };
            // Until Xen says otherwise: it does not come to operations behind one that ends the
            // call.
            op.status = NOT_MAPPED;
            ops.push(op, GFP_KERNEL)?;
            this.addresses
                .push(address.cast_const().cast(), GFP_KERNEL)?;
        }
        // SAFETY: This is a domain; `ops` and `pages` both have `count` entries; PV guests need no
        // second mapping of what only the kernel reads.
        let result = to_result(unsafe {
            bindings::gnttab_map_refs(
                ops.as_mut_ptr(),
                core::ptr::null_mut(),
                this.pages.as_mut_ptr(),
                count.unsigned_abs(),
            )
        });
        for ((op, &address), &page) in ops.iter().zip(&this.addresses).zip(&this.pages) {
            if op.status != 0 {
                continue;
            }
            let mut unmap = bindings::gnttab_unmap_grant_ref::default();
            // SAFETY: `unmap` is valid for writes. What it is to do is done by `unmap()`.
            unsafe {
                bindings::xl_gnttab_set_unmap_ro(&mut unmap, address.cast_mut().cast(), op.handle)
            };
            // INVARIANT: A status of zero, which Xen alone writes, means that the frame is mapped
            // under this handle.
            this.unmaps.push(unmap, GFP_KERNEL)?;
            this.mapped.push(page, GFP_KERNEL)?;
        }
        result?;
        if this.mapped.len() != grants.len() {
            let full = |op: &bindings::gnttab_map_grant_ref| {
                i32::from(op.status) == bindings::GNTST_no_space
            };
            return Err(if ops.iter().any(full) { ENOSPC } else { EACCES });
        }
        Ok(this)
    }

    /// Unmaps what is mapped.
    fn unmap(&mut self) -> Result {
        if self.unmaps.is_empty() {
            return Ok(());
        }
        self.queue.unmap_ops = self.unmaps.as_mut_ptr();
        self.queue.pages = self.mapped.as_mut_ptr();
        self.queue.count = self.unmaps.len() as u32;
        // SAFETY: By the type invariant these operations unmap these pages, and each is unmapped
        // once. The callee has finished with the queue entry and both arrays when it returns.
        to_result(unsafe { bindings::gnttab_unmap_refs_sync(&mut *self.queue) })?;
        let is_gone = |unmap: &bindings::gnttab_unmap_grant_ref| {
            // Under a handle that Xen does not know nothing is mapped.
            unmap.status == 0 || i32::from(unmap.status) == bindings::GNTST_bad_handle
        };
        self.unmaps.iter().all(is_gone).then_some(()).ok_or(EIO)
    }
}

impl Drop for ForeignPages {
    fn drop(&mut self) {
        if self.pages.is_empty() {
            return;
        }
        if self.unmap().is_err() {
            // A page that may be mapped still must not be used for something else: better lost than
            // shared.
            return;
        }
        // SAFETY: By the type invariant the pages came from `gnttab_alloc_pages`, and they map
        // nothing any more.
        unsafe {
            bindings::gnttab_free_pages(self.pages.len() as c_int, self.pages.as_mut_ptr());
        }
    }
}

/// This side's control page: one granted page, shared by the producer and the consumer.
#[derive(Clone)]
pub struct OwnControlPage(Arc<GrantedPages>);

impl OwnControlPage {
    /// Allocates the page and lends it to the peer. Process context.
    ///
    /// # Errors
    ///
    /// See [`GrantedPages::new`].
    pub fn new(peer: &Arc<Lender>, references: &mut GrantReferences) -> Result<Self> {
        let page = GrantedPages::new(peer, references, 1)?;
        Ok(Self(Arc::new(page, GFP_KERNEL)?))
    }

    /// The page's grant reference.
    pub fn grant(&self) -> Option<u32> {
        self.0.grants().next()
    }

    /// Writes words to the user area, the first at word `first`. The peer reads them whole only if
    /// it has not been told yet that they are there; otherwise see [`Self::publish_user`].
    ///
    /// # Errors
    ///
    /// `E2BIG` if they do not fit.
    pub fn write_user(&self, first: usize, words: impl IntoIterator<Item = u32>) -> Result {
        for (i, word) in words.into_iter().enumerate() {
            let offset = first.checked_add(i).and_then(user_offset).ok_or(E2BIG)?;
            // SAFETY: The aligned word lies in the user area, inside the page, which this domain
            // alone writes. Whoever reads or writes it at the same time, here or in the peer, finds
            // one value or the other, as with WRITE_ONCE().
            unsafe { self.word(offset).write_volatile(word.to_le()) };
        }
        Ok(())
    }

    /// Writes words that the peer may read at the same time, the first at word `first` of the user
    /// area. The word before them, `first - 1`, is their revision: odd while they are being
    /// written, and another one afterwards, by which the peer tells whether it has read them whole.
    /// `revision` is the one before, which this side keeps; returns the new one. Callers take
    /// turns.
    ///
    /// # Errors
    ///
    /// `E2BIG` if they do not fit, `EINVAL` without a word before them.
    pub fn publish_user(
        &self,
        first: usize,
        words: impl IntoIterator<Item = u32>,
        revision: u32,
    ) -> Result<u32> {
        let place = first.checked_sub(1).ok_or(EINVAL)?;
        let begun = revision | 1;
        self.write_user(place, [begun])?;
        // Whoever reads one of the words below finds the revision odd.
        self.full_barrier();
        let written = self.write_user(first, words);
        // And whoever finds it even again finds all of them.
        self.full_barrier();
        let revision = begun.wrapping_add(1);
        self.write_user(place, [revision])?;
        written.map(|()| revision)
    }

    /// Reads a word of this side back.
    #[inline]
    pub fn load(&self, word: Word) -> u32 {
        // SAFETY: Every `Word` is an aligned offset inside the page; it is read whole, as by
        // READ_ONCE(), should the half write it whose word it is.
        u32::from_le(unsafe { self.word(word.offset()).read_volatile() })
    }

    /// `offset` must be a multiple of 4 below 4096 for the result to be of use.
    #[inline]
    fn word(&self, offset: usize) -> *mut u32 {
        // PANIC: `new` made one page.
        self.0.address(0).wrapping_add(offset).cast()
    }
}

/// Words of a control page's user area.
const USER_WORDS: usize = (PAGE - layout::USER_AREA as usize) / size_of::<u32>();

/// The offset of the word `place` of the user area in a control page; `None` if there is no such
/// word.
#[inline]
fn user_offset(place: usize) -> Option<usize> {
    (place < USER_WORDS).then(|| layout::USER_AREA as usize + place * size_of::<u32>())
}

impl OwnControl for OwnControlPage {
    #[inline]
    fn store_relaxed(&self, word: Word, value: u32) {
        // SAFETY: Every `Word` is an aligned offset inside the page, which this domain alone
        // writes. Of each word it is one half, producer or consumer, that does; should both, each
        // access is whole even so, as WRITE_ONCE() is.
        unsafe { self.word(word.offset()).write_volatile(value.to_le()) };
    }

    #[inline]
    fn store_release(&self, word: Word, value: u32) {
        // SAFETY: As for `store_relaxed`; the callee's access is whole, too.
        unsafe { bindings::xl_virt_store_release(self.word(word.offset()), value.to_le()) };
    }

    #[inline]
    fn full_barrier(&self) {
        // SAFETY: A barrier has no preconditions.
        unsafe { bindings::xl_virt_mb() };
    }
}

/// The peer's control page, shared by the producer and the consumer.
#[derive(Clone)]
pub struct PeerControlPage(Arc<ForeignPages>);

impl PeerControlPage {
    /// Maps the page that `peer` granted. Process context.
    ///
    /// # Errors
    ///
    /// See [`ForeignPages::map`].
    pub fn map(peer: u16, grant: u32) -> Result<Self> {
        Ok(Self(Arc::new(
            ForeignPages::map(peer, &[grant])?,
            GFP_KERNEL,
        )?))
    }

    /// Reads words of the user area, from word `first` on, each once.
    ///
    /// # Errors
    ///
    /// `E2BIG` if the user area has not so many.
    pub fn read_user(&self, first: usize, words: &mut [u32]) -> Result {
        for (i, word) in words.iter_mut().enumerate() {
            let offset = first.checked_add(i).and_then(user_offset).ok_or(E2BIG)?;
            // SAFETY: The aligned word lies in the user area, inside the mapped page; the access is
            // volatile, as the other domain may write at the same time.
            *word = u32::from_le(unsafe { self.word(offset).read_volatile() });
        }
        Ok(())
    }

    #[inline]
    fn word(&self, offset: usize) -> *const u32 {
        // PANIC: `map` mapped one page.
        self.0.addresses[0].wrapping_add(offset).cast()
    }
}

impl PeerControlPage {
    /// The word `place` of the user area, as the peer has it now; 0 if there is no such word. Any
    /// context.
    #[inline]
    pub fn user_word(&self, place: usize) -> u32 {
        let Some(offset) = user_offset(place) else {
            return 0;
        };
        // SAFETY: The aligned word lies in the user area, inside the mapped page; the access is
        // volatile, as the other domain may write at the same time.
        u32::from_le(unsafe { self.word(offset).read_volatile() })
    }

    /// Reads words that the peer may be writing, see [`OwnControlPage::publish_user`], and returns
    /// their revision. `None` if they were just being written: another change will tell of them.
    ///
    /// # Errors
    ///
    /// `E2BIG` if there are no such words.
    pub fn read_published(&self, first: usize, words: &mut [u32]) -> Result<Option<u32>> {
        let place = first.checked_sub(1).ok_or(EINVAL)?;
        let before = self.user_word(place);
        // SAFETY: A barrier has no preconditions.
        unsafe { bindings::xl_virt_mb() };
        self.read_user(first, words)?;
        // SAFETY: A barrier has no preconditions.
        unsafe { bindings::xl_virt_mb() };
        let whole = before % 2 == 0 && self.user_word(place) == before;
        Ok(whole.then_some(before))
    }
}

impl PeerControl for PeerControlPage {
    #[inline]
    fn load_relaxed(&self, word: Word) -> u32 {
        // SAFETY: Every `Word` is an aligned offset inside the mapped page; the access is
        // volatile, as the other domain may write at the same time.
        u32::from_le(unsafe { self.word(word.offset()).read_volatile() })
    }

    #[inline]
    fn load_acquire(&self, word: Word) -> u32 {
        // SAFETY: As for `load_relaxed`; the callee's access is whole, too.
        u32::from_le(unsafe { bindings::xl_virt_load_acquire(self.word(word.offset())) })
    }
}

/// So many pages can be a ring.
fn expect_ring(pages: usize) -> Result {
    let bytes = pages.checked_mul(PAGE).ok_or(EINVAL)?;
    layout::check_ring(u32::try_from(bytes)?).map_err(|_| EINVAL)
}

/// This side's ring. Neither `Clone` nor shared: only a producer has it.
pub struct OwnRingPages(GrantedPages);

impl OwnRingPages {
    /// Allocates a ring of `pages` pages and lends it to the peer. Process context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if no ring has so many; see [`GrantedPages::new`].
    pub fn new(peer: &Arc<Lender>, references: &mut GrantReferences, pages: usize) -> Result<Self> {
        expect_ring(pages)?;
        Ok(Self(GrantedPages::new(peer, references, pages)?))
    }

    /// The pages, for their grant references.
    pub fn pages(&self) -> &GrantedPages {
        &self.0
    }
}

impl OwnRing for OwnRingPages {
    fn size(&self) -> u32 {
        self.0.len() as u32 * layout::PAGE
    }

    #[inline]
    fn with_chunk<R>(&mut self, offset: u32, len: u32, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        // PANIC: A ring has a power of two of pages, so what the mask leaves is one's number.
        let page = (offset / layout::PAGE) as usize & self.0.len().wrapping_sub(1);
        let page = self.0.address(page);
        let start = offset & PAGE_MASK;
        let len = len.min(layout::PAGE - start);
        // SAFETY: `start + len <= 4096`, so the bytes are inside a page that by the type
        // invariant is ours. `&mut self` shows that nobody here has another reference to it; the
        // peer can only read.
        let chunk = unsafe {
            core::slice::from_raw_parts_mut(page.wrapping_add(start as usize), len as usize)
        };
        fill(chunk)
    }
}

/// The peer's ring.
pub struct PeerRingPages(ForeignPages);

impl PeerRingPages {
    /// Maps the ring that `peer` granted. Process context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if no ring has so many pages; see [`ForeignPages::map`].
    pub fn map(peer: u16, grants: &[u32]) -> Result<Self> {
        expect_ring(grants.len())?;
        Ok(Self(ForeignPages::map(peer, grants)?))
    }
}

impl PeerRing for PeerRingPages {
    fn size(&self) -> u32 {
        self.0.addresses.len() as u32 * layout::PAGE
    }

    #[inline]
    fn read(&self, offset: u32, dst: &mut [u8]) {
        let pages = &self.0.addresses;
        let mut page = (offset / layout::PAGE) as usize;
        let mut start = (offset & PAGE_MASK) as usize;
        let mut rest = dst;
        while !rest.is_empty() {
            let len = rest.len().min(PAGE - start);
            let Some((chunk, tail)) = rest.split_at_mut_checked(len) else {
                return;
            };
            // PANIC: As in `OwnRing::with_chunk`.
            let source = pages[page & pages.len().wrapping_sub(1)].wrapping_add(start);
            // SAFETY: `start + len <= 4096`, so the source lies inside a mapped page; the
            // destination is a private slice. The other domain may write the source meanwhile:
            // the C function makes no assumption about its contents, and neither does the caller.
            unsafe { bindings::xl_copy_from_peer(chunk.as_mut_ptr().cast(), source.cast(), len) };
            rest = tail;
            page += 1;
            start = 0;
        }
    }
}

/// The FIFO's memory between two domains.
pub struct XenMemory;

// SAFETY: `PeerRing::read` writes each byte of the destination, through C, and reads none; where
// there are not so many, nothing is called.
unsafe impl Source for Record<'_, XenMemory> {
    #[inline]
    fn copy_to(&self, offset: usize, buffer: &mut [MaybeUninit<u8>]) -> bool {
        // SAFETY: The same memory, of the same length; nothing is read of it, see above.
        let buffer = unsafe { &mut *(core::ptr::from_mut(buffer) as *mut [u8]) };
        Record::copy_to(self, offset, buffer).is_ok()
    }
}

impl Memory for XenMemory {
    type OwnControl = OwnControlPage;
    type PeerControl = PeerControlPage;
    type OwnRing = OwnRingPages;
    type PeerRing = PeerRingPages;
}
