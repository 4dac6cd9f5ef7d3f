// SPDX-License-Identifier: GPL-2.0

//! Seeing and sending ARP (RFC 826) on Ethernet devices.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h) (`packet_type`),
//! [`include/net/arp.h`](srctree/include/net/arp.h)

use crate::{
    bindings,
    net::{device::Device, skb::SkBuff},
};
use core::{net::Ipv4Addr, ptr::NonNull};
use kernel::{prelude::*, types::Opaque};

/// What an ARP packet says of its sender.
pub struct Observation {
    /// Index of the device that received it.
    pub ifindex: i32,
    /// The sender's Ethernet address.
    pub mac: [u8; 6],
    /// The sender's IPv4 address, which may be unspecified (RFC 5227 probes).
    pub address: Ipv4Addr,
}

/// Who is told of ARP packets.
pub trait Observer: Send + Sync + 'static {
    /// Called for each well-formed ARP packet received on any device. Softirq context.
    fn observed(&self, observation: Observation);
}

/// Bytes of an ARP packet for IPv4 over Ethernet.
const LEN: usize = 28;

/// A tap on all ARP packets that are received; dropping it waits until its observer is not called
/// any more.
///
/// # Invariants
///
/// `packet_type` is registered and its function is [`Self::receive`].
#[pin_data(PinnedDrop)]
pub struct Tap<T: Observer> {
    observer: T,
    #[pin]
    packet_type: Opaque<bindings::packet_type>,
}

// SAFETY: A tap may be removed by any thread; `T: Send`.
unsafe impl<T: Observer> Send for Tap<T> {}
// SAFETY: Nothing can be done with a shared reference; the observer is `Sync`.
unsafe impl<T: Observer> Sync for Tap<T> {}

impl<T: Observer> Tap<T> {
    /// Registers a tap. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(observer: T) -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(
            pin_init!(Self {
                observer,
                // INVARIANT: Registered below, after `observer` was initialised.
                packet_type <- Opaque::ffi_init(|slot: *mut bindings::packet_type| {
                    // SAFETY: `slot` is valid for writes, and pinned; zero is valid for all fields
                    // that are not set.
                    unsafe {
                        slot.write_bytes(0, 1);
                        (*slot).type_ = (bindings::ETH_P_ARP as u16).to_be();
                        (*slot).func = Some(Self::receive);
                        bindings::dev_add_pack(slot);
                    }
                }),
            }),
            GFP_KERNEL,
        )
    }

    /// # Safety
    ///
    /// `packet_type` must be the one inside a `Self` that lives until this returns, `dev` a valid
    /// device, and the caller must own a count on `skb` and give it up.
    unsafe extern "C" fn receive(
        skb: *mut bindings::sk_buff,
        dev: *mut bindings::net_device,
        packet_type: *mut bindings::packet_type,
        _orig_dev: *mut bindings::net_device,
    ) -> c_int {
        let packet_type = Opaque::cast_from(packet_type);
        // SAFETY: By the function's contract, for these three.
        let (this, dev, skb) = unsafe {
            (
                &*kernel::container_of!(packet_type, Self, packet_type),
                Device::from_raw(dev),
                SkBuff::from_raw(NonNull::new_unchecked(skb)),
            )
        };
        let mut packet = [0; LEN];
        if skb.copy_bits(0, &mut packet).is_ok() {
            if let Some((mac, address)) = parse(&packet) {
                this.observer.observed(Observation {
                    ifindex: dev.ifindex(),
                    mac,
                    address,
                });
            }
        }
        // The tap only looked.
        skb.consume();
        0
    }
}

#[pinned_drop]
impl<T: Observer> PinnedDrop for Tap<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the tap is registered. The call waits for running
        // handlers.
        unsafe { bindings::dev_remove_pack(self.packet_type.get()) };
    }
}

/// Returns the sender's addresses in an ARP request or reply for IPv4 over Ethernet.
fn parse(packet: &[u8; LEN]) -> Option<([u8; 6], Ipv4Addr)> {
    // Hardware type 1, protocol 0x0800, address lengths 6 and 4, operation 1 or 2.
    let (fixed, addresses) = packet.split_first_chunk::<8>()?;
    if !matches!(fixed, [0, 1, 8, 0, 6, 4, 0, 1 | 2]) {
        return None;
    }
    let (mac, rest) = addresses.split_first_chunk::<6>()?;
    let (address, _) = rest.split_first_chunk::<4>()?;
    Some((*mac, Ipv4Addr::from(*address)))
}

/// Sends an ARP request for `target` on `dev`, as from `source`: to whoever has the address `at`, or to
/// everybody. Process or softirq context.
pub fn request(dev: &Device, source: Ipv4Addr, target: Ipv4Addr, at: Option<[u8; 6]>) {
    let to = at.as_ref().map_or(core::ptr::null(), |at| at.as_ptr());
    // SAFETY: The device is valid and, as only Ethernet devices are asked on, has addresses of six bytes;
    // a null destination means broadcast, a null source the device's own.
    unsafe {
        bindings::arp_send(
            bindings::ARPOP_REQUEST as c_int,
            bindings::ETH_P_ARP as c_int,
            u32::from_ne_bytes(target.octets()),
            dev.as_raw(),
            u32::from_ne_bytes(source.octets()),
            to,
            core::ptr::null(),
            core::ptr::null(),
        )
    };
}
