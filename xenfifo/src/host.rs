// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The FIFO between Linux processes, each with its pages in a memfd of its own.
//!
//! A side's memfd holds its control page and then its ring. [`OwnPages::create`] seals it so that
//! it can neither shrink nor be made writable by whoever else gets the descriptor;
//! [`PeerPages::map`] takes only a file that is sealed like that, since reading a page that is gone
//! would end the process, and maps it read-only.
//!
//! # What the `unsafe` below rests on
//!
//! A `Mapping` is `len` bytes of valid memory from `base` until it is dropped, and every handle
//! keeps it alive. Its fields are private to this module, which touches the bytes as follows:
//!
//! - control words: by aligned 32-bit atomics in the first page;
//! - the own ring, all pages but the first: through [`OwnRing`], of which there is one per
//!   mapping, and which hands out a `&mut` no longer than it is borrowed itself. No other
//!   mapping of the pages in this process is touched through references. `bypass.rs` has how it is
//!   stored to where plain stores are slow;
//! - the peer's ring: by copies from raw pointers, in `load.rs`. The peer may write at any moment,
//!   so what a copy gets is arbitrary, which is fine for `u8`, and no reference to it ever exists.

mod bypass;
mod load;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{compiler_fence, fence, AtomicU32, Ordering};
use std::sync::Arc;

use rustix::fs::{self, MemfdFlags, SealFlags};
use rustix::mm::{self, MapFlags, ProtFlags};

use bypass::{Bypass, PIECE};
use load::load;

use crate::consumer::Consumer;
use crate::control::ControlHeader;
use crate::error::GeometryError;
use crate::layout::{self, Word, PAGE};
use crate::mem;
use crate::producer::Producer;

/// What memfds are in, `include/uapi/linux/magic.h`; those of huge pages are in hugetlbfs.
const TMPFS_MAGIC: fs::FsWord = 0x0102_1994;

/// This implementation of [`Memory`](crate::Memory).
pub struct Host;

impl mem::Memory for Host {
    type OwnControl = OwnControl;
    type PeerControl = PeerControl;
    type OwnRing = OwnRing;
    type PeerRing = PeerRing;
}

/// A control page and a ring, mapped; and the file they are in.
struct Mapping {
    base: NonNull<u8>,
    ring_bytes: u32,
    fd: OwnedFd,
}

// SAFETY: the pointer is to memory that belongs to no thread, and which the methods below touch
// only as the module's documentation says.
unsafe impl Send for Mapping {}
// SAFETY: as above; through `&Mapping` there are only atomic accesses and copies.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(fd: OwnedFd, ring_bytes: u32, prot: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping at a place of the kernel's choice replaces no memory.
        let base = unsafe {
            mm::mmap(
                ptr::null_mut(),
                Self::len(ring_bytes),
                prot,
                MapFlags::SHARED | MapFlags::POPULATE,
                &fd,
                0,
            )
        }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            base,
            ring_bytes,
            fd,
        })
    }

    fn len(ring_bytes: u32) -> usize {
        PAGE as usize + ring_bytes as usize
    }

    #[inline]
    fn word(&self, word: Word) -> &AtomicU32 {
        // SAFETY: every word lies in the first page at a multiple of four, the page is mapped
        // as long as `self` lives, and only atomics touch it. A read-only page is only loaded
        // from: stores go through `OwnControl`, whose mapping is writable.
        unsafe { self.base.add(word.offset()).cast().as_ref() }
    }

    /// The ring's byte at `offset` modulo its size, and how many there are up to its end.
    #[inline]
    fn ring(&self, offset: u32) -> (NonNull<u8>, usize) {
        let offset = offset & (self.ring_bytes - 1);
        // SAFETY: page and masked offset are less than the mapping's length.
        let start = unsafe { self.base.add(PAGE as usize + offset as usize) };
        (start, (self.ring_bytes - offset) as usize)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is whole, and nothing refers to it any more: handles hold an `Arc`
        // of it and references borrow from handles. Unmapping what was mapped cannot fail.
        let _ = unsafe { mm::munmap(self.base.as_ptr().cast(), Self::len(self.ring_bytes)) };
    }
}

/// This side's pages: a control page and a ring, in a memfd that the peer maps.
pub struct OwnPages {
    control: OwnControl,
    ring: OwnRing,
}

impl OwnPages {
    /// Creates the pages, zeroed but for the control page's header.
    ///
    /// # Errors
    ///
    /// What the system says about the memory, or `InvalidInput` for an impossible `ring_bytes`.
    pub fn create(ring_bytes: u32, generation: u32, cookie: u64) -> io::Result<Self> {
        let header = ControlHeader::new(ring_bytes, generation, cookie)
            .map_err(|reason| io::Error::new(io::ErrorKind::InvalidInput, reason))?;
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = fs::memfd_create("xenfifo", flags)?;
        fs::ftruncate(&fd, Mapping::len(ring_bytes) as u64)?;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let mapping = Arc::new(Mapping::new(fd, ring_bytes, prot)?);
        // Only now: the seal is against later writers.
        fs::fcntl_add_seals(
            &mapping.fd,
            SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL,
        )?;
        let control = OwnControl(mapping.clone());
        header.write(&control);
        Ok(Self {
            control,
            ring: OwnRing {
                mapping,
                bypass: Bypass::new(),
            },
        })
    }

    /// The handles for a [`Producer`], and with a clone of the first for a [`Consumer`].
    pub fn split(self) -> (OwnControl, OwnRing) {
        (self.control, self.ring)
    }
}

impl AsFd for OwnPages {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }
}

/// The peer's pages, mapped read-only.
pub struct PeerPages {
    mapping: Arc<Mapping>,
    header: ControlHeader,
}

impl PeerPages {
    /// Maps the pages that the peer keeps in `fd`.
    ///
    /// # Errors
    ///
    /// `InvalidData` if they are none, or could go; else what the system says.
    pub fn map(fd: impl AsFd) -> io::Result<Self> {
        let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason);
        let fd = fd.as_fd().try_clone_to_owned()?;
        let seals = fs::fcntl_get_seals(&fd).map_err(|_| invalid("not a memfd"))?;
        // The second is against holes, too.
        if !seals.contains(SealFlags::SHRINK | SealFlags::FUTURE_WRITE) {
            return Err(invalid("memfd not sealed against shrinking and writers"));
        }
        // Huge pages are mapped, and unmapped, as a whole only.
        if fs::fstatfs(&fd)?.f_type != TMPFS_MAGIC {
            return Err(invalid("memfd of huge pages"));
        }
        let file_size = fs::fstat(&fd)?.st_size;
        let fits =
            |ring_bytes| i64::try_from(Mapping::len(ring_bytes)).is_ok_and(|n| n <= file_size);
        if !fits(layout::MIN_RING) {
            return Err(invalid("memfd too small"));
        }
        let first = Arc::new(Mapping::new(
            fd.try_clone()?,
            layout::MIN_RING,
            ProtFlags::READ,
        )?);
        let header = ControlHeader::read(&PeerControl(first))
            .map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
        if !fits(header.ring_bytes()) {
            return Err(invalid("memfd too small for its ring"));
        }
        let mapping = Arc::new(Mapping::new(fd, header.ring_bytes(), ProtFlags::READ)?);
        Ok(Self { mapping, header })
    }

    /// The header that was found.
    pub fn header(&self) -> ControlHeader {
        self.header
    }

    /// A handle of the control page.
    pub fn control(&self) -> PeerControl {
        PeerControl(self.mapping.clone())
    }

    /// A handle of the ring.
    pub fn ring(&self) -> PeerRing {
        PeerRing(self.mapping.clone())
    }
}

/// Both halves that one side has of a bidirectional channel.
///
/// # Errors
///
/// None for pages made by this module: their geometry was checked.
pub fn channel(
    own: OwnPages,
    peer: PeerPages,
) -> Result<(Producer<Host>, Consumer<Host>), GeometryError> {
    let (control, ring) = own.split();
    let tx = Producer::new(control.clone(), peer.control(), ring)?;
    let rx = Consumer::new(control, peer.control(), peer.ring())?;
    Ok((tx, rx))
}

/// One direction within a process, for tests and measurements.
///
/// # Errors
///
/// As [`OwnPages::create`].
///
/// # Examples
///
/// ```
/// let (mut tx, mut rx) = xenfifo::host::pair(4096)?;
/// tx.push([0; 12], &[b"packet"])?;
/// tx.publish()?;
/// assert!(rx.peek()?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pair(ring_bytes: u32) -> io::Result<(Producer<Host>, Consumer<Host>)> {
    let invalid = |reason| io::Error::new(io::ErrorKind::InvalidInput, reason);
    let left = OwnPages::create(ring_bytes, 0, 0)?;
    let right = OwnPages::create(layout::MIN_RING, 0, 0)?;
    let (of_left, of_right) = (PeerPages::map(&left)?, PeerPages::map(&right)?);
    let (tx, _) = channel(left, of_right).map_err(invalid)?;
    let (_, rx) = channel(right, of_left).map_err(invalid)?;
    Ok((tx, rx))
}

/// This side's control page. A clone is a handle of the same page.
#[derive(Clone)]
pub struct OwnControl(Arc<Mapping>);

impl AsFd for OwnControl {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

impl mem::OwnControl for OwnControl {
    #[inline]
    fn store_relaxed(&self, word: Word, value: u32) {
        self.0.word(word).store(value.to_le(), Ordering::Relaxed);
    }

    #[inline]
    fn store_release(&self, word: Word, value: u32) {
        self.0.word(word).store(value.to_le(), Ordering::Release);
    }

    #[inline]
    fn full_barrier(&self) {
        fence(Ordering::SeqCst);
    }
}

/// The peer's control page.
#[derive(Clone)]
pub struct PeerControl(Arc<Mapping>);

impl mem::PeerControl for PeerControl {
    #[inline]
    fn load_relaxed(&self, word: Word) -> u32 {
        u32::from_le(self.0.word(word).load(Ordering::Relaxed))
    }

    #[inline]
    fn load_acquire(&self, word: Word) -> u32 {
        // Of all atomic loads only relaxed ones are sure to work on read-only memory.
        let value = self.load_relaxed(word);
        fence(Ordering::Acquire);
        value
    }
}

/// This side's ring.
pub struct OwnRing {
    mapping: Arc<Mapping>,
    bypass: Bypass,
}

impl mem::OwnRing for OwnRing {
    #[inline]
    fn size(&self) -> u32 {
        self.mapping.ring_bytes
    }

    #[inline]
    fn with_chunk<R>(&mut self, offset: u32, len: u32, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        let (start, left) = self.mapping.ring(offset);
        // SAFETY: `left` bytes from `start` are the mapping's to its end, and writable. This is
        // the mapping's only `OwnRing`, borrowed mutably for as long as the slice lives, and
        // control words lie before the ring: no other reference to these bytes exists. Peers
        // only read, and what they see of a write in progress is their affair.
        let place = unsafe {
            std::slice::from_raw_parts_mut(start.as_ptr(), left.min(len as usize).min(PIECE))
        };
        self.bypass.fill(place, fill)
    }
}

/// The peer's ring.
#[derive(Clone)]
pub struct PeerRing(Arc<Mapping>);

impl mem::PeerRing for PeerRing {
    #[inline]
    fn size(&self) -> u32 {
        self.0.ring_bytes
    }

    #[inline]
    fn read(&self, mut offset: u32, mut dst: &mut [u8]) {
        loop {
            let (start, left) = self.0.ring(offset);
            let (now, later) = dst.split_at_mut(left.min(dst.len()));
            // SAFETY: `now` is no longer than what the ring has from `start`; it is private memory,
            // so the two do not overlap.
            unsafe { load(start.as_ptr(), now) };
            if later.is_empty() {
                break;
            }
            offset = offset.wrapping_add(left as u32);
            dst = later;
        }
        // From here the ring may have changed, for the compiler too: it must not fetch again
        // what was copied.
        compiler_fence(Ordering::Acquire);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    /// Nothing stays mapped when the last handle is gone.
    #[test]
    fn handles_keep_pages_mapped() {
        // Something else may be mapped there next.
        let is_mapped = |start: NonNull<u8>| {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let at = std::format!("{:x}-", start.as_ptr() as usize);
            maps.lines()
                .any(|line| line.starts_with(&at) && line.contains("memfd:xenfifo"))
        };
        let own = OwnPages::create(4096, 0, 0).unwrap();
        let start = own.control.0.base;
        let (control, ring) = own.split();
        drop(ring);
        assert!(is_mapped(start));
        drop(control);
        assert!(!is_mapped(start));
    }

    /// A store to the peer's pages ends the process that tries it.
    #[test]
    fn a_write_to_the_peer_faults() {
        const VICTIM: &str = "XENFIFO_TEST_WRITE";
        if std::env::var_os(VICTIM).is_some() {
            let own = OwnPages::create(4096, 0, 0).unwrap();
            let peer = PeerPages::map(&own).unwrap();
            let (start, _) = peer.mapping.ring(0);
            // SAFETY: the byte is mapped as long as `peer` lives. The store does not happen: the
            // page is read-only, which is what is shown.
            unsafe { start.as_ptr().write_volatile(1) };
            return;
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "host::tests::a_write_to_the_peer_faults"])
            .env(VICTIM, "1")
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(11), "{output:?}");
    }
}
