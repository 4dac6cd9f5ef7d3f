// SPDX-License-Identifier: GPL-2.0

//! Packets on their way in, by stages: [`Unfilled`], whose memory holds what it held before,
//! [`Filled`], whose bytes are the packet's and can be checked, and [`Received`], which the stack
//! can take. Each is this machine's own memory, nobody else's before the stack has it, and lasts no
//! longer than the poll.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use crate::{
    bindings,
    net::{
        dropreason::DropReason,
        netdevice::Device,
        skbuff::{SkBuff, VIRTIO_NET_HDR_LEN},
    },
};
use core::{
    mem::{transmute, MaybeUninit},
    ptr::NonNull,
    slice,
};
use kernel::{error::to_result, prelude::*};

/// Packets up to this length are received into one linear buffer, longer ones into pages behind a
/// linear [`HEADERS`].
const MAX_LINEAR: u32 = 1600;

/// Room for every header that the stack will look at.
const HEADERS: u32 = 256;

/// Room in front of the network header for an Ethernet header, beyond the headroom that all
/// received packets have. The network header stays aligned.
const LINK_HEADER: u32 = bindings::ETH_HLEN.next_multiple_of(4);

/// How a packet that came without a link-layer header would have come by an Ethernet device.
pub struct Frame<'a> {
    /// The device, whose address is the destination.
    pub nic: &'a Device,
    /// The sender's Ethernet address.
    pub source: [u8; 6],
    /// The EtherType.
    pub protocol: u16,
}

/// Where a packet's bytes come from.
///
/// # Safety
///
/// [`Self::copy_to`] must read nothing of `buffer`, and have written all of it when it returns
/// true.
pub unsafe trait Source {
    /// Copies the packet's bytes from `offset` on to the whole of `buffer`. Softirq context. False:
    /// there are not so many.
    fn copy_to(&self, offset: usize, buffer: &mut [MaybeUninit<u8>]) -> bool;
}

/// A new packet.
///
/// # Invariants
///
/// It is this value's alone. Its linear part is memory of that length, and so is each of its
/// fragments, whose pages were allocated for it, without `__GFP_HIGHMEM`.
pub struct Unfilled<'a>(SkBuff<'a>);

impl<'a> Unfilled<'a> {
    /// Allocates a packet of `len` bytes.
    ///
    /// # Safety
    ///
    /// `napi` must be being polled by this task, during `'a`.
    pub(crate) unsafe fn new(napi: *mut bindings::napi_struct, len: u32) -> Option<Self> {
        let linear = if len <= MAX_LINEAR { len } else { HEADERS };
        let skb = if linear == len {
            // SAFETY: By the function's contract.
            unsafe { bindings::xl_alloc_skb_linear(napi, LINK_HEADER, len) }
        } else {
            // SAFETY: As above; any lengths may be asked for.
            unsafe { bindings::xl_alloc_skb_pages(napi, LINK_HEADER, linear, len - linear) }
        };
        let skb = NonNull::new(skb)?;
        // SAFETY: The packet is new, and its count ours; its device is the one that is polled for,
        // which stays as long. Both kinds of allocation have `linear` bytes of tail room, and the
        // second has the rest in pages.
        let skb = unsafe {
            bindings::skb_put(skb.as_ptr(), linear);
            if len > linear {
                bindings::xl_skb_set_data_len(skb.as_ptr(), len - linear);
            }
            SkBuff::from_raw(skb)
        };
        // INVARIANT: Just allocated like that.
        Some(Self(skb))
    }

    /// Fills the packet. Without as many bytes as it has room for it is lost.
    #[inline]
    pub fn fill(self, source: &impl Source) -> Option<Filled<'a>> {
        let raw = self.0.as_raw();
        // SAFETY: By the type invariant; uninitialised memory may be viewed like that.
        let linear = unsafe {
            let len = bindings::xl_skb_headlen(raw) as usize;
            slice::from_raw_parts_mut((*raw).data.cast::<MaybeUninit<u8>>(), len)
        };
        let mut offset = linear.len();
        if !source.copy_to(0, linear) {
            self.0.lose(DropReason::TooSmall);
            return None;
        }
        // SAFETY: By the type invariant the packet is there, and its fragments are what they were
        // made.
        let frags = unsafe { bindings::xl_skb_frags(raw) };
        for i in 0..frags {
            // SAFETY: `i` is the number of a fragment; and as for the linear part.
            let frag = unsafe {
                let mut len = 0;
                let address = bindings::xl_skb_frag(raw, i, &mut len);
                slice::from_raw_parts_mut(address.cast::<MaybeUninit<u8>>(), len as usize)
            };
            if !source.copy_to(offset, frag) {
                self.0.lose(DropReason::TooSmall);
                return None;
            }
            offset += frag.len();
        }
        // INVARIANT: By the contract of `Source`, all bytes were written.
        Some(Filled(self.0))
    }
}

/// A packet with its bytes, of which nobody knows more yet.
///
/// # Invariants
///
/// It is this value's alone, and initialised.
pub struct Filled<'a>(SkBuff<'a>);

impl<'a> Filled<'a> {
    /// Copies the packet's first bytes to the whole of `to`. Returns whether there are so many.
    #[inline]
    pub fn copy_first(&self, to: &mut [u8]) -> bool {
        self.0.copy_bits(0, to).is_ok()
    }

    /// Frees the packet, which is lost.
    pub fn lose(self, reason: DropReason) {
        self.0.lose(reason);
    }

    /// Completes a packet that begins with its network header: writes the Ethernet header in front
    /// of that, for those who look at the packet from its link layer, records the receive queue, if
    /// the device has one of that number, and applies the offload description that the sender gave,
    /// a little-endian `virtio_net_hdr`, checking it against the packet.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the description does not fit the packet, which is lost then.
    #[inline]
    pub fn complete(
        self,
        frame: &Frame<'_>,
        queue: u16,
        header: [u8; VIRTIO_NET_HDR_LEN],
    ) -> Result<Received<'a>> {
        // SAFETY: All bit patterns are valid for a structure of integers.
        let header =
            unsafe { transmute::<[u8; VIRTIO_NET_HDR_LEN], bindings::virtio_net_hdr>(header) };
        // The kernel would copy all up to the checksum into the linear part, and log that one is
        // too far away even so. No sender's headers are that long.
        let start = u16::from_le(header.csum_start);
        let offset = u16::from_le(header.csum_offset);
        if u32::from(start) + u32::from(offset) > HEADERS {
            self.0.lose(DropReason::Metadata);
            return Err(EINVAL);
        }
        let raw = self.0.as_raw();
        // SAFETY: By the type invariant the packet may be changed; it was allocated with headroom
        // for the Ethernet header. The source has the six bytes that are copied.
        let fits = unsafe {
            let (nic, source) = (frame.nic.as_raw(), frame.source.as_ptr());
            let protocol = frame.protocol.to_be();
            to_result(bindings::xl_skb_complete(
                raw, nic, source, protocol, queue, &header,
            ))
        };
        if let Err(error) = fits {
            self.0.lose(DropReason::Metadata);
            return Err(error);
        }
        Ok(Received(self.0))
    }
}

/// A packet that the stack can take.
pub struct Received<'a>(SkBuff<'a>);

impl Received<'_> {
    /// Gives the packet away.
    pub(crate) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        self.0.into_raw()
    }
}
