// SPDX-License-Identifier: GPL-2.0

//! Seeing and sending ARP (RFC 826) on an Ethernet device.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h) (`packet_type`),
//! [`include/net/arp.h`](srctree/include/net/arp.h)

use crate::{
    bindings,
    net::{
        netdevice::{padded, Device, DeviceRef},
        skbuff::SkBuff, //
    },
};
use core::{
    net::Ipv4Addr,
    ptr::{null, NonNull},
};
use kernel::{new_mutex, prelude::*, sync::Mutex, types::Opaque};

/// What an ARP packet says of its sender.
pub struct Observation {
    /// The sender's Ethernet address.
    pub mac: [u8; 6],
    /// The sender's IPv4 address, which may be unspecified (RFC 5227 probes).
    pub address: Ipv4Addr,
    /// Whether it is a reply, sent to us alone.
    pub answer: bool,
}

/// Who is told of ARP packets.
pub trait Observer: Send + Sync + 'static {
    /// Called for each well-formed ARP packet that the device receives for this machine, or for
    /// all. Softirq context.
    fn observed(&self, observation: Observation);
}

/// Bytes of an ARP packet for IPv4 over Ethernet.
const LEN: usize = 28;

/// A tap on the ARP packets that one device receives; dropping it waits until its observer is not
/// called any more.
///
/// # Invariants
///
/// The function of `packet_type` is [`Self::receive`]. It is registered, for the device in
/// `device`, iff there is one.
#[pin_data(PinnedDrop)]
pub struct Tap<T: Observer> {
    observer: T,
    #[pin]
    packet_type: Opaque<bindings::packet_type>,
    #[pin]
    device: Mutex<Option<DeviceRef>>,
}

// SAFETY: A tap may be moved between devices, and removed, by any thread; `T: Send`.
unsafe impl<T: Observer> Send for Tap<T> {}
// SAFETY: A mutex serialises what can be done with a shared reference; the observer is `Sync`.
unsafe impl<T: Observer> Sync for Tap<T> {}

impl<T: Observer> Tap<T> {
    /// A tap on no device yet. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(observer: T) -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(
            pin_init!(Self {
                observer,
                packet_type: Opaque::zeroed(),
                device <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }

    /// Listens on `dev` from now on, instead of what was before. The device is counted meanwhile:
    /// let go of it when it is unregistered. Process context.
    pub fn listen_on(&self, dev: Option<&Device>) {
        let mut device = self.device.lock();
        let packet_type = self.packet_type.get();
        if device.is_some() {
            // SAFETY: By the type invariant it is registered. The call waits for running handlers.
            unsafe { bindings::dev_remove_pack(packet_type) };
        }
        *device = dev.map(DeviceRef::from);
        if let Some(dev) = &*device {
            // SAFETY: It is not registered, so it is ours to fill in; it is pinned, and the device,
            // which is counted, lives until it is removed again. Zero is valid for all fields that
            // are not set.
            unsafe {
                packet_type.write_bytes(0, 1);
                (*packet_type).type_ = (bindings::ETH_P_ARP as u16).to_be();
                (*packet_type).dev = dev.as_raw();
                (*packet_type).func = Some(Self::receive);
                bindings::dev_add_pack(packet_type);
            }
        }
    }

    /// # Safety
    ///
    /// `packet_type` must be the one inside a `Self` that lives until this returns, as must the
    /// device that `skb` names, and the caller must own a count on `skb` and give it up.
    unsafe extern "C" fn receive(
        skb: *mut bindings::sk_buff,
        dev: *mut bindings::net_device,
        packet_type: *mut bindings::packet_type,
        _orig_dev: *mut bindings::net_device,
    ) -> c_int {
        // SAFETY: By the function's contract, for all of these; what the packet type says does not
        // change while it is registered.
        let (this, skb, own, to) = unsafe {
            (
                &*kernel::container_of!(Opaque::cast_from(packet_type), Self, packet_type),
                SkBuff::from_raw(NonNull::new_unchecked(skb)),
                (*packet_type).dev,
                bindings::xl_skb_pkt_type(skb),
            )
        };
        // What a device on top of this one takes from it, a container's say, comes by here as well.
        let is_ours = dev == own
            && matches!(
                to,
                bindings::PACKET_HOST | bindings::PACKET_BROADCAST | bindings::PACKET_MULTICAST
            );
        let mut packet = [0; LEN];
        if is_ours && skb.copy_bits(0, &mut packet).is_ok() {
            if let Some(observation) = parse(&packet, to == bindings::PACKET_HOST) {
                this.observer.observed(observation);
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
        self.listen_on(None);
    }
}

/// Returns what an ARP request or reply for IPv4 over Ethernet says of its sender; `unicast` tells
/// that it was sent to us alone.
fn parse(packet: &[u8; LEN], unicast: bool) -> Option<Observation> {
    // Hardware type 1, protocol 0x0800, address lengths 6 and 4, operation 1 or 2.
    let (fixed, addresses) = packet.split_first_chunk::<8>()?;
    let &[0, 1, 8, 0, 6, 4, 0, operation @ (1 | 2)] = fixed else {
        return None;
    };
    let (mac, rest) = addresses.split_first_chunk::<6>()?;
    let (address, _) = rest.split_first_chunk::<4>()?;
    Some(Observation {
        mac: *mac,
        address: Ipv4Addr::from(*address),
        answer: operation == 2 && unicast,
    })
}

/// Sends an ARP request for `target` on `dev`, as from `source`, to the Ethernet address `at`, or
/// to all. Any context but hard interrupts.
pub fn request(dev: &Device, source: Ipv4Addr, target: Ipv4Addr, at: Option<[u8; 6]>) {
    let destination = at.map(padded);
    // SAFETY: The device is valid. A null destination means broadcast, and one that is not null has
    // as many bytes as the callee may copy; a null source means the device's own address, a null
    // target zeros.
    unsafe {
        bindings::arp_send(
            bindings::ARPOP_REQUEST as c_int,
            bindings::ETH_P_ARP as c_int,
            u32::from_ne_bytes(target.octets()),
            dev.as_raw(),
            u32::from_ne_bytes(source.octets()),
            destination
                .as_ref()
                .map_or(null(), |address| address.as_ptr()),
            null(),
            null(),
        )
    };
}
