// SPDX-License-Identifier: GPL-2.0

//! Seeing and sending the solicitations and advertisements of Neighbor Discovery (RFC 4861).
//!
//! C headers: [`include/net/ndisc.h`](srctree/include/net/ndisc.h),
//! [`include/net/sock.h`](srctree/include/net/sock.h)

use crate::{
    bindings,
    net::{
        inet6::{in6_addr, ipv6_addr},
        netdevice::Device,
    },
};
use core::net::Ipv6Addr;
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    types::Opaque,
};

/// A solicitation or an advertisement that this machine received.
pub struct Message<'a> {
    /// The index of the device that it came in by.
    pub ifindex: i32,
    /// The packet's source.
    pub source: Ipv6Addr,
    /// Its destination.
    pub destination: Ipv6Addr,
    /// Its hop limit.
    pub hop_limit: u8,
    /// The Ethernet address that it came from.
    pub sender: [u8; 6],
    /// The ICMPv6 message from its type on; its checksum is right.
    pub bytes: &'a [u8],
}

/// Who is told of messages.
pub trait Observer: Send + Sync + 'static {
    /// Called for each message that comes in by an Ethernet device of the initial network namespace,
    /// is for this machine and no longer than any that says what it has to. Softirq context.
    fn observed(&self, message: &Message<'_>);
}

/// A tap on what this machine receives; dropping it waits until its observer is not called any more.
///
/// # Invariants
///
/// The C part has [`Self::told`] as its function, and a socket that is ours iff `open`.
#[pin_data(PinnedDrop)]
pub struct Tap<T: Observer> {
    observer: T,
    #[pin]
    tap: Opaque<bindings::xl_ndp_tap>,
    open: Atomic<bool>,
}

// SAFETY: A tap may be removed by any thread; `T: Send`.
unsafe impl<T: Observer> Send for Tap<T> {}
// SAFETY: Nothing can be done with a shared reference; the observer is `Sync`.
unsafe impl<T: Observer> Sync for Tap<T> {}

impl<T: Observer> Tap<T> {
    /// Begins to tell `observer`. Process context, RTNL not held, neither when it is dropped.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EAFNOSUPPORT` if the kernel was booted without IPv6.
    pub fn new(observer: T) -> Result<Pin<KBox<Self>>> {
        // Shared from the first: a message may come before this has returned.
        let this = KBox::pin_init(
            pin_init!(Self {
                observer,
                tap: Opaque::zeroed(),
                open: Atomic::new(false),
            }),
            GFP_KERNEL,
        )?;
        let tap = this.tap.get();
        // SAFETY: It is not open, so it is ours to fill in; it is pinned, and closed before it is
        // freed.
        to_result(unsafe {
            (*tap).told = Some(Self::told);
            bindings::xl_ndp_open(tap)
        })?;
        // INVARIANT: Just opened.
        this.open.store(true, Relaxed);
        Ok(this)
    }

    /// # Safety
    ///
    /// `tap` must be the one inside a `Self` that lives until this returns, and `message` valid as
    /// long.
    unsafe extern "C" fn told(
        tap: *mut bindings::xl_ndp_tap,
        message: *const bindings::xl_ndp_message,
    ) {
        // SAFETY: By the function's contract.
        let (this, message) = unsafe {
            (
                &*kernel::container_of!(Opaque::cast_from(tap), Self, tap),
                &*message,
            )
        };
        let Some(bytes) = message.bytes.get(..usize::from(message.len)) else {
            return;
        };
        this.observer.observed(&Message {
            ifindex: message.ifindex,
            source: ipv6_addr(&message.source),
            destination: ipv6_addr(&message.destination),
            hop_limit: message.hop_limit,
            sender: message.sender,
            bytes,
        });
    }
}

#[pinned_drop]
impl<T: Observer> PinnedDrop for Tap<T> {
    fn drop(self: Pin<&mut Self>) {
        if self.open.load(Relaxed) {
            // SAFETY: By the type invariant it is open, and closed once.
            unsafe { bindings::xl_ndp_close(self.tap.get()) };
        }
    }
}

/// Whom to ask who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Whoever may have it.
    Everybody,
    /// Whoever the kernel's neighbour table says has it.
    Neighbour,
}

/// Sends a solicitation for `target` on `dev`, as from `source`. Any context but hard interrupts.
pub fn solicit(dev: &Device, source: Ipv6Addr, target: Ipv6Addr, ask: Ask) {
    let (source, target) = (in6_addr(source), in6_addr(target));
    // SAFETY: The device is not freed meanwhile, whether or not it is registered still or has IPv6:
    // the callee asks for both. The addresses are only read.
    unsafe {
        bindings::xl_ndp_solicit(dev.as_raw(), &source, &target, ask == Ask::Neighbour);
    }
}
