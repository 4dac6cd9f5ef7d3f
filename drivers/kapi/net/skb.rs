// SPDX-License-Identifier: GPL-2.0

//! Owned socket buffers.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use crate::{bindings, net::device::Device, random::random_u64};
use core::{
    mem::{transmute, ManuallyDrop},
    ptr::NonNull,
};
use kernel::{error::to_result, prelude::*};

/// A packet; dropping it frees it as lost.
///
/// # Invariants
///
/// The pointer is a valid `sk_buff` of which this value owns one count, and the only one while the
/// value can be changed.
#[repr(transparent)]
pub struct SkBuff(NonNull<bindings::sk_buff>);

// SAFETY: A packet may be handed from one thread to another.
unsafe impl Send for SkBuff {}

/// Size of `struct virtio_net_hdr`.
pub const VIRTIO_NET_HDR_LEN: usize = size_of::<bindings::virtio_net_hdr>();

/// Packets up to this length are received into one linear buffer, longer ones into pages behind a
/// linear [`HEADERS`].
const MAX_LINEAR: u32 = 1600;

/// Room for every header that the stack will look at.
const HEADERS: u32 = 256;

/// What makes the hashes of flows unpredictable to those who do not know it.
pub struct FlowKey(bindings::siphash_key_t);

impl FlowKey {
    /// A random key. Any context.
    pub fn random() -> Self {
        Self(bindings::siphash_key_t {
            key: [random_u64(), random_u64()],
        })
    }
}

impl SkBuff {
    /// Takes over a packet.
    ///
    /// # Safety
    ///
    /// The caller must own a count on `skb` and give it up.
    pub(crate) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: By the function's contract.
        Self(skb)
    }

    /// Views a packet that somebody else owns.
    ///
    /// # Safety
    ///
    /// `*skb` must be valid, and not changed, as long as the result is used.
    pub(crate) unsafe fn borrow(skb: &*mut bindings::sk_buff) -> &Self {
        // SAFETY: By the function's contract the pointer is not null, and the type is transparent
        // over it; being shared, the value is neither changed nor dropped.
        unsafe { &*core::ptr::from_ref(skb).cast::<Self>() }
    }

    /// Gives the packet away without freeing it.
    pub(crate) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        ManuallyDrop::new(self).0
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// The packet's length in bytes, from the network header on for packets of a layer-3 device.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // There are no empty packets.
    pub fn len(&self) -> u32 {
        // SAFETY: By the type invariant the packet is valid.
        unsafe { (*self.as_raw()).len }
    }

    /// The packet's EtherType.
    #[inline]
    pub fn protocol(&self) -> u16 {
        // SAFETY: By the type invariant the packet is valid.
        unsafe { bindings::xl_skb_protocol(self.as_raw()) }
    }

    /// A hash of the addresses, the protocol and the ports that the packet itself carries; of a fragment, of
    /// all but the ports. The hash that the stack keeps with the packet will not do where the order of a
    /// flow counts: it is its socket's, which takes another whenever TCP suspects the path
    /// (`sk_rethink_txhash`). Softirq context, for a packet that a device is to send.
    #[inline]
    pub fn flow_hash(&self, key: &FlowKey) -> u32 {
        // SAFETY: By the type invariant the packet is valid, and the callee changes nothing of it. The key is
        // a constant.
        unsafe { bindings::skb_get_hash_perturb(self.as_raw(), &key.0) }
    }

    /// Copies bytes out of the packet, wherever they lie.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the packet is too short or its pages cannot be read.
    #[inline]
    pub fn copy_bits(&self, offset: usize, to: &mut [u8]) -> Result {
        let offset = c_int::try_from(offset)?;
        let len = c_int::try_from(to.len())?;
        // SAFETY: The packet is valid and `to` has room for `len` bytes.
        to_result(unsafe {
            bindings::skb_copy_bits(self.as_raw(), offset, to.as_mut_ptr().cast(), len)
        })
    }

    /// Describes the packet's segmentation and checksum offload as the bytes of a little-endian
    /// `virtio_net_hdr`.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a kind of segmentation that the header cannot express.
    #[inline]
    pub fn virtio_net_hdr(&self) -> Result<[u8; VIRTIO_NET_HDR_LEN]> {
        let mut header = bindings::virtio_net_hdr::default();
        // SAFETY: The packet is valid and `header` is valid for writes.
        to_result(unsafe { bindings::xl_virtio_net_hdr_from_skb(self.as_raw(), &mut header) })?;
        // SAFETY: The structure consists of integers without padding.
        Ok(unsafe { transmute::<bindings::virtio_net_hdr, [u8; VIRTIO_NET_HDR_LEN]>(header) })
    }

    /// Frees a packet that was sent. Any context but hard interrupts.
    #[inline]
    pub fn consume(self) {
        // SAFETY: The count is given up.
        unsafe { bindings::consume_skb(self.into_raw().as_ptr()) };
    }

    /// Reports that the packet is being sent now to those who asked for time stamps.
    #[inline]
    pub fn tx_timestamp(&self) {
        // SAFETY: The packet is valid.
        unsafe { bindings::xl_skb_tx_timestamp(self.as_raw()) };
    }

    /// Allocates a packet of `len` bytes of undefined contents.
    ///
    /// # Safety
    ///
    /// `napi` must be being polled by this task.
    pub(crate) unsafe fn alloc_received(
        napi: *mut bindings::napi_struct,
        len: u32,
    ) -> Option<Self> {
        let linear = if len <= MAX_LINEAR { len } else { HEADERS };
        let skb = if linear == len {
            // SAFETY: By the function's contract.
            unsafe { bindings::xl_alloc_skb_linear(napi, len) }
        } else {
            // SAFETY: Any lengths may be asked for.
            unsafe { bindings::xl_alloc_skb_pages(linear, len - linear) }
        };
        // INVARIANT: The packet is new, and ours alone.
        let skb = Self(NonNull::new(skb)?);
        // SAFETY: Both kinds of allocation have `linear` bytes of tail room, and the second has
        // the rest in pages.
        unsafe {
            bindings::skb_put(skb.as_raw(), linear);
            if len > linear {
                bindings::xl_skb_set_data_len(skb.as_raw(), len - linear);
            }
        }
        Some(skb)
    }

    /// Fills a packet that was just allocated: `fill` is called for each of its buffers in turn,
    /// with the buffer's offset in the packet, and must write all of it.
    #[inline]
    pub fn fill(&mut self, mut fill: impl FnMut(usize, &mut [u8])) {
        // SAFETY: The packet is valid; its linear part is memory of that length, and by the type
        // invariant nobody else has it.
        let linear = unsafe {
            let raw = self.as_raw();
            core::slice::from_raw_parts_mut((*raw).data, bindings::xl_skb_headlen(raw) as usize)
        };
        fill(0, linear);
        let mut offset = linear.len();
        // SAFETY: The packet is valid.
        let frags = unsafe { bindings::xl_skb_frags(self.as_raw()) };
        for i in 0..frags {
            let mut len = 0;
            // SAFETY: `i` is the number of a fragment, whose pages were allocated for this packet
            // alone, without `__GFP_HIGHMEM`.
            let frag = unsafe {
                let address = bindings::xl_skb_frag(self.as_raw(), i, &mut len);
                core::slice::from_raw_parts_mut(address.cast::<u8>(), len as usize)
            };
            fill(offset, frag);
            offset += frag.len();
        }
    }

    /// Declares the packet received by `dev`, beginning with the network header of `protocol` (an
    /// EtherType), and applies the offload description that its sender gave, checking it against
    /// the packet.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the description does not fit the packet.
    #[inline]
    pub fn receive_l3(
        &mut self,
        dev: &Device,
        protocol: u16,
        header: [u8; VIRTIO_NET_HDR_LEN],
    ) -> Result {
        // SAFETY: All bit patterns are valid for a structure of integers.
        let header =
            unsafe { transmute::<[u8; VIRTIO_NET_HDR_LEN], bindings::virtio_net_hdr>(header) };
        // The kernel would copy all up to the checksum into the linear part, and log that one is
        // too far away even so. No sender's headers are that long.
        let start = u16::from_le(header.csum_start);
        let offset = u16::from_le(header.csum_offset);
        if u32::from(start) + u32::from(offset) > HEADERS {
            return Err(EINVAL);
        }
        // SAFETY: The packet is valid and ours alone.
        unsafe {
            bindings::xl_skb_l3_receive(self.as_raw(), dev.as_raw(), protocol.to_be());
            to_result(bindings::xl_virtio_net_hdr_to_skb(self.as_raw(), &header))?;
        }
        Ok(())
    }
}

impl Drop for SkBuff {
    fn drop(&mut self) {
        // SAFETY: The count is given up.
        unsafe { bindings::xl_kfree_skb(self.as_raw()) };
    }
}
