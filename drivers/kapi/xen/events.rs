// SPDX-License-Identifier: GPL-2.0

//! Event channels between two domains, with late EOI.
//!
//! An event is masked from its delivery until [`EventChannel::eoi`]; a remote domain that sends
//! events without end costs this one no more than one interrupt for each time it asked for more.
//!
//! C headers: [`include/xen/events.h`](srctree/include/xen/events.h),
//! [`include/xen/interface/event_channel.h`](srctree/include/xen/interface/event_channel.h)

use crate::{
    bindings, compat,
    net::napi::{Napi, Poll},
    xen::{affinity::Affinity, expect_domain},
};
use core::marker::PhantomPinned;
use kernel::{
    cpu::CpuId,
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed, Release},
        Arc,
    },
    types::ScopeGuard,
};

/// What an event runs.
pub trait EventHandler: Send + Sync + 'static {
    /// Called in hard interrupt context. The channel stays masked until its
    /// [`EventChannel::eoi`].
    fn event(&self);
}

/// An event makes the instance poll.
impl<T: Poll> EventHandler for Napi<T> {
    #[inline]
    fn event(&self) {
        self.schedule();
    }
}

/// An event channel to another domain, bound to an interrupt. Dropping it closes it, in process
/// context.
///
/// # Invariants
///
/// If `irq` is not zero, that interrupt is bound to `port`, with `self` as its cookie and
/// [`Self::interrupt`] as its handler, and only dropping `self` unbinds it.
#[pin_data(PinnedDrop)]
pub struct EventChannel<H: EventHandler> {
    port: bindings::evtchn_port_t,
    irq: Atomic<u32>,
    /// Whether an event was delivered and not yet ended.
    delivered: Atomic<bool>,
    #[pin]
    affinity: Affinity,
    handler: Arc<H>,
    /// The interrupt has a pointer to it, and may use it while it is being dropped.
    #[pin]
    _pinned: PhantomPinned,
}

/// This domain, as Xen's interface has it.
const SELF: bindings::domid_t = bindings::DOMID_SELF as bindings::domid_t;

/// Closes a port to `remote` that is not bound to an interrupt, unless it is closed already.
///
/// Xen gives a closed port's number to whoever opens the next. That of somebody else in this domain
/// leads to another one, unless it was opened to the very same since the first was closed, just
/// before.
fn close(port: bindings::evtchn_port_t, remote: u16) {
    if leads_to(port) == Some(remote) {
        let mut close = bindings::evtchn_close { port };
        // `xen_evtchn_close()` would `BUG()` if the port is closed already.
        // SAFETY: The port is open, and as far as can be told the caller's; the operation is what
        // the call takes.
        unsafe {
            let op = (&raw mut close).cast();
            bindings::xl_event_channel_op(bindings::EVTCHNOP_close as c_int, op)
        };
    }
}

/// The domain that an open port leads to, if it leads to one.
fn leads_to(port: bindings::evtchn_port_t) -> Option<u16> {
    let mut status = bindings::evtchn_status {
        dom: SELF,
        port,
        ..Default::default()
    };
    // SAFETY: Who has a port is a domain, so the call leads to Xen; the operation is what it takes,
    // and valid for reads and writes.
    let error = unsafe {
        let op = (&raw mut status).cast();
        bindings::xl_event_channel_op(bindings::EVTCHNOP_status as c_int, op)
    };
    match status.status {
        _ if error != 0 => None,
        // SAFETY: With this status it is this field that Xen has written.
        bindings::EVTCHNSTAT_unbound => Some(unsafe { status.u.unbound.dom }),
        // SAFETY: Likewise.
        bindings::EVTCHNSTAT_interdomain => Some(unsafe { status.u.interdomain.dom }),
        _ => None,
    }
}

impl<H: EventHandler> EventChannel<H> {
    /// Allocates a port that `remote` may bind, and listens on it. Process context.
    ///
    /// # Errors
    ///
    /// Xen's error (out of ports), or the kernel's (out of memory or interrupts); `ENODEV` without
    /// Xen.
    pub fn alloc_unbound(remote: u16, name: &'static CStr, handler: Arc<H>) -> Result<Arc<Self>> {
        expect_domain()?;
        let mut alloc = bindings::evtchn_alloc_unbound {
            dom: SELF,
            remote_dom: remote,
            port: 0,
        };
        // SAFETY: This is a domain, so the call leads to Xen; the operation is what it takes, and
        // valid for reads and writes.
        to_result(unsafe {
            let op = (&raw mut alloc).cast();
            bindings::xl_event_channel_op(bindings::EVTCHNOP_alloc_unbound as c_int, op)
        })?;
        Self::listen(remote, alloc.port, name, handler)
    }

    /// Binds to `remote_port`, which `remote` has allocated for this domain, and listens. Process
    /// context.
    ///
    /// # Errors
    ///
    /// Xen's error (no such port, not for us), or the kernel's (out of memory or interrupts);
    /// `ENODEV` without Xen.
    pub fn bind(
        remote: u16,
        remote_port: u32,
        name: &'static CStr,
        handler: Arc<H>,
    ) -> Result<Arc<Self>> {
        expect_domain()?;
        let mut bind = bindings::evtchn_bind_interdomain {
            remote_dom: remote,
            remote_port,
            local_port: 0,
        };
        // SAFETY: This is a domain, so the call leads to Xen; the operation is what it takes, and
        // valid for reads and writes.
        to_result(unsafe {
            let op = (&raw mut bind).cast();
            bindings::xl_event_channel_op(bindings::EVTCHNOP_bind_interdomain as c_int, op)
        })?;
        Self::listen(remote, bind.local_port, name, handler)
    }

    fn listen(
        remote: u16,
        port: bindings::evtchn_port_t,
        name: &'static CStr,
        handler: Arc<H>,
    ) -> Result<Arc<Self>> {
        // Until it is bound the port is this function's to close.
        let unbound = ScopeGuard::new(|| close(port, remote));
        let this = Arc::pin_init(
            pin_init!(Self {
                port,
                irq: Atomic::new(0),
                delivered: Atomic::new(false),
                affinity <- Affinity::new(),
                handler,
                _pinned: PhantomPinned,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: `port` is open and unbound; `interrupt` takes a pointer to `Self` as its
        // cookie, and `this` is pinned, and alive, until its drop unbinds the interrupt.
        let irq = unsafe {
            bindings::bind_evtchn_to_irqhandler_lateeoi(
                port,
                Some(Self::interrupt),
                0,
                name.as_char_ptr(),
                this.cookie(),
            )
        };
        // On failure the kernel may have closed the port, or not; no error tells.
        to_result(irq.min(0))?;
        unbound.dismiss();
        // INVARIANT: Just bound.
        this.irq.store(irq.unsigned_abs(), Relaxed);
        // SAFETY: Just bound. `this` is pinned, and its drop ends that before it unbinds the interrupt.
        unsafe { this.affinity.watch(irq.unsigned_abs()) }?;
        Ok(this)
    }

    fn cookie(&self) -> *mut c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The local port.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Sends an event to the other side. Any context.
    #[inline]
    pub fn notify(&self) {
        // SAFETY: By the type invariant the port is open; sending fails harmlessly if the other
        // side is gone.
        unsafe { bindings::xl_evtchn_notify(self.port) };
    }

    /// Has the events arrive on this CPU from now on, unless somebody else has said where they are
    /// to. Process or softirq context.
    ///
    /// An event that was sent before may still arrive where it would have. Whoever writes
    /// `/proc/irq/N/smp_affinity` decides, until he writes a mask that excludes no CPU that runs.
    ///
    /// # Errors
    ///
    /// `EPERM` if somebody else has said so, or the CPU is isolated; `EAGAIN` if it cannot be told
    /// yet; `EINVAL` if the CPU is not online. The events arrive where they did before.
    #[inline]
    pub fn move_to(&self, cpu: CpuId) -> Result {
        // SAFETY: By the type invariant the interrupt is bound: `listen` gives `self` to nobody
        // before it is, and watched.
        unsafe { self.affinity.move_to(self.irq.load(Relaxed), cpu) }
    }

    /// Ends the delivered event, if there is one, so that the next can arrive. `spurious` tells
    /// that it brought nothing to do, for which Xen's interrupt code makes the sender wait. (It
    /// means to wait longer each time, but takes the end of a wait for a useful event; so it is
    /// every other event that waits, for the next tick.) Returns whether there was an event. Any
    /// context.
    #[inline]
    pub fn eoi(&self, spurious: bool) -> bool {
        let delivered = self.delivered.load(Relaxed) && self.delivered.xchg(false, Full);
        if delivered {
            let flags = if spurious {
                bindings::XEN_EOI_FLAG_SPURIOUS
            } else {
                0
            };
            // SAFETY: An event was delivered, so `irq` is known, bound with late EOI by the type
            // invariant, and masked until now.
            unsafe { bindings::xl_irq_lateeoi(self.irq.load(Relaxed), flags) };
        }
        delivered
    }

    /// # Safety
    ///
    /// `cookie` must point to a `Self` that lives until this returns.
    unsafe extern "C" fn interrupt(irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
        // SAFETY: By the function's contract; unbinding waits for running handlers.
        let this = unsafe { &*cookie.cast_const().cast::<Self>() };
        // The first event may come before `listen` has seen the number.
        this.irq.store(irq.unsigned_abs(), Relaxed);
        this.delivered.store(true, Release);
        this.handler.event();
        compat::IRQ_HANDLED
    }
}

#[pinned_drop]
impl<H: EventHandler> PinnedDrop for EventChannel<H> {
    fn drop(self: Pin<&mut Self>) {
        let irq = self.irq.load(Relaxed);
        if irq != 0 {
            // SAFETY: By the type invariant this interrupt was bound with this cookie. The last
            // call waits for running handlers and closes the port.
            unsafe {
                self.affinity.unwatch(irq);
                bindings::unbind_from_irqhandler(irq, self.cookie());
            }
        }
    }
}
