// SPDX-License-Identifier: GPL-2.0

//! Packets that somebody else made: owned or borrowed, to be looked at and sent, never to be
//! changed, since their pages may be anybody's. Those that are received are in
//! [`receive`](crate::net::receive).
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use crate::{bindings, net::dropreason::DropReason};
use core::{
    marker::PhantomData,
    mem::{transmute, ManuallyDrop},
    ptr::{null, NonNull},
};
use kernel::{error::to_result, prelude::*};

/// A packet, which lasts as long as the call that it is for: its device may go after that, and what
/// is done with it is for softirq context. Dropping it frees it as lost, for no reason that anybody
/// could see: better [`SkBuff::lose`] it.
///
/// # Invariants
///
/// The pointer is a valid `sk_buff` of which this value owns one count. The device that it names is
/// valid during `'a`.
#[repr(transparent)]
pub struct SkBuff<'a>(NonNull<bindings::sk_buff>, PhantomData<&'a ()>);

/// Size of `struct virtio_net_hdr`.
pub const VIRTIO_NET_HDR_LEN: usize = size_of::<bindings::virtio_net_hdr>();

/// What makes the hashes of flows unpredictable to those who do not know it.
pub struct FlowKey(bindings::siphash_key_t);

impl FlowKey {
    /// The key of these 128 bits.
    #[inline]
    pub fn new(key: [u64; 2]) -> Self {
        Self(bindings::siphash_key_t { key })
    }
}

impl<'a> SkBuff<'a> {
    /// Takes over a packet.
    ///
    /// # Safety
    ///
    /// The caller must own a count on `skb` and give it up, and the device that it names, if it
    /// names one, must be valid during `'a`.
    pub(crate) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: By the function's contract.
        Self(skb, PhantomData)
    }

    /// Views a packet that somebody else owns.
    ///
    /// # Safety
    ///
    /// `*skb` must be valid, and not changed, during `'a`, and so must the device that it names.
    pub(crate) unsafe fn borrow(skb: &'a *mut bindings::sk_buff) -> &'a Self {
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

    /// A hash of the addresses, the protocol and the ports that the packet itself carries; of a
    /// fragment, of all but the ports. It is the same for what is sent back, for all who have the
    /// key. Neither the hash that the stack keeps with the packet nor the flow label that IPv6 makes
    /// of it will do where the order of a flow counts: it is its socket's, which takes another
    /// whenever TCP suspects the path (`sk_rethink_txhash`). Process or softirq context, for a packet
    /// that a device is to send.
    #[inline]
    pub fn flow_hash(&self, key: &FlowKey) -> u32 {
        // SAFETY: By the type invariant the packet is valid, and the callee changes nothing of it.
        // The key is only read.
        unsafe { bindings::xl_skb_flow_hash(self.as_raw(), &key.0) }
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

    /// Frees a packet that is lost. Any context but hard interrupts.
    pub fn lose(self, reason: DropReason) {
        let raw = self.into_raw().as_ptr();
        // SAFETY: The count is given up.
        unsafe { bindings::sk_skb_reason_drop(null(), raw, reason.as_raw()) };
    }

    /// Reports that the packet is being sent now to those who asked for time stamps.
    #[inline]
    pub fn tx_timestamp(&self) {
        // SAFETY: By the type invariant the packet is there. Who asked for time stamps gets a clone
        // of it; of the packet itself nothing is changed that anybody here looks at.
        unsafe { bindings::xl_skb_tx_timestamp(self.as_raw()) };
    }
}

impl Drop for SkBuff<'_> {
    fn drop(&mut self) {
        let reason = DropReason::NotSpecified.as_raw();
        // SAFETY: The count is given up.
        unsafe { bindings::sk_skb_reason_drop(null(), self.as_raw(), reason) };
    }
}
