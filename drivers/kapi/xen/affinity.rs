// SPDX-License-Identifier: GPL-2.0

//! Which CPU an interrupt arrives on, unless somebody else has said so.
//!
//! The mask is the administrator's, by `/proc/irq/N/smp_affinity` or, for all interrupts, by
//! `irqaffinity=`. That somebody has written it does not show in the mask, which may be what it was
//! before; but the kernel tells those who ask, as the drivers do that follow accelerated RFS.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::{bindings, cpu, new_bh_lock, sync::BhLock, time::now_ms};
use kernel::{cpu::CpuId, error::to_result, prelude::*, types::Opaque};

/// So long after a move the kernel may tell of it a second time.
const ECHO_MS: u64 = 1000;

/// Where an interrupt was moved, and whose its mask is.
///
/// # Invariants
///
/// `notify` has [`Self::written`] and [`Self::released`] as its functions, and is inside a `Self`.
#[pin_data]
pub(super) struct Affinity {
    #[pin]
    notify: Opaque<bindings::irq_affinity_notify>,
    /// Held while the interrupt is moved, so that who is told of a move finds all of it.
    #[pin]
    owner: BhLock<Owner>,
}

/// Whose an interrupt's mask is.
enum Owner {
    /// Nobody has said anything.
    Nobody,
    /// It was moved to this CPU.
    Us(Move),
    /// Somebody else has written it.
    Somebody,
}

struct Move {
    to: CpuId,
    /// When, in ms.
    at: u64,
    /// Whether the kernel has told of it.
    is_told: bool,
    /// Whether the mask was found to be another one since.
    is_lost: bool,
}

// SAFETY: `notify` is the kernel's, which uses it under locks of its own; the rest is behind a lock.
unsafe impl Send for Affinity {}
// SAFETY: As above.
unsafe impl Sync for Affinity {}

impl Affinity {
    /// That of an interrupt that is not known yet.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: These are its functions.
            notify <- Opaque::ffi_init(|slot: *mut bindings::irq_affinity_notify| {
                // SAFETY: `slot` is valid for writes.
                unsafe {
                    slot.write(bindings::irq_affinity_notify {
                        notify: Some(Self::written),
                        release: Some(Self::released),
                        ..Default::default()
                    })
                }
            }),
            owner <- new_bh_lock!(Owner::Nobody),
        })
    }

    /// It is this interrupt's. Process context.
    ///
    /// # Errors
    ///
    /// The kernel's, if there is no such interrupt.
    ///
    /// # Safety
    ///
    /// The interrupt must be bound, and [`Self::unwatch`] be called before it is freed; `self` stays
    /// in place until then.
    pub(super) unsafe fn watch(&self, irq: u32) -> Result {
        // SAFETY: By the function's contract there is the interrupt.
        if !unsafe { bindings::xl_irq_affinity_is_any(irq) } {
            // What is so from the beginning is the default.
            *self.owner.lock() = Owner::Somebody;
        }
        // SAFETY: By the type invariant the functions expect this; by the function's contract it is
        // where it is as long as the kernel may use it.
        to_result(unsafe { bindings::xl_irq_watch_affinity(irq, self.notify.get()) })
    }

    /// It is not any more. Waits for a running [`Self::written`]. Process context.
    ///
    /// # Safety
    ///
    /// The interrupt must not be freed yet.
    pub(super) unsafe fn unwatch(&self, irq: u32) {
        // SAFETY: By the function's contract; without a notification the callee ends the former one.
        unsafe { bindings::xl_irq_watch_affinity(irq, core::ptr::null_mut()) };
    }

    /// Has the interrupt arrive on this CPU from now on, unless somebody else has said where it is
    /// to. Process or softirq context.
    ///
    /// # Errors
    ///
    /// `EPERM` if somebody else has said so, or the CPU is isolated; `EAGAIN` if it cannot be told
    /// yet; `EINVAL` if the CPU is not online. The interrupt arrives where it did before.
    ///
    /// # Safety
    ///
    /// The interrupt must be the one that is watched.
    pub(super) unsafe fn move_to(&self, irq: u32, to: CpuId) -> Result {
        let mut owner = self.owner.lock();
        // SAFETY: By the function's contract there is the interrupt.
        let is_any = unsafe { bindings::xl_irq_affinity_is_any(irq) };
        // SAFETY: As above; the number is a CPU's by its type's invariant.
        let is_on = |cpu: CpuId| unsafe { bindings::xl_irq_affinity_is(irq, cpu.as_u32()) };
        match &mut *owner {
            // A mask that excludes nothing, or that the kernel gave up as its CPUs went offline.
            _ if is_any => {}
            Owner::Nobody => {}
            Owner::Somebody => return Err(EPERM),
            Owner::Us(last) if is_on(last.to) => {
                if last.to == to {
                    return Ok(());
                }
            }
            // It was written at this moment, of which the kernel is going to tell, or the CPU went
            // offline, of which it does not.
            Owner::Us(last) => {
                if !core::mem::replace(&mut last.is_lost, true) {
                    return Err(EAGAIN);
                }
            }
        }
        if cpu::is_isolated(to) {
            return Err(EPERM);
        }
        if !cpu::is_online(to) {
            return Err(EINVAL);
        }
        // SAFETY: By the function's contract there is the interrupt; the number is a CPU's by its
        // type's invariant. The kernel's own lock of the interrupt is a raw one, with interrupts off.
        let moved = to_result(unsafe { bindings::xl_irq_set_affinity(irq, to.as_u32()) });
        if moved.is_err() {
            // It tells of that as if the mask were another one.
            if let Owner::Us(last) = &mut *owner {
                last.at = now_ms();
            }
            return moved;
        }
        *owner = Owner::Us(Move {
            to,
            at: now_ms(),
            is_told: false,
            is_lost: false,
        });
        Ok(())
    }

    /// The mask was written. Two that are written in quick succession are told of once, or twice when
    /// both are written. Process context.
    ///
    /// # Safety
    ///
    /// `notify` must be that of a `Self` that watches an interrupt until this returns.
    unsafe extern "C" fn written(
        notify: *mut bindings::irq_affinity_notify,
        _mask: *const bindings::cpumask_t,
    ) {
        // SAFETY: By the function's contract.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(notify), Self, notify) };
        // SAFETY: By the function's contract the kernel has filled it in.
        let irq = unsafe { (*notify).irq };
        let mut owner = this.owner.lock();
        let is_own = match &mut *owner {
            Owner::Us(last) => {
                // SAFETY: By the function's contract there is the interrupt; the number is a CPU's by
                // its type's invariant.
                let is_there = unsafe { bindings::xl_irq_affinity_is(irq, last.to.as_u32()) };
                let is_echo = !core::mem::replace(&mut last.is_told, true)
                    || now_ms().saturating_sub(last.at) < ECHO_MS;
                // Of a move to a CPU that has gone offline since, the kernel tells late.
                is_echo && is_there || !cpu::is_online(last.to)
            }
            Owner::Nobody | Owner::Somebody => false,
        };
        if !is_own {
            *owner = Owner::Somebody;
        }
    }

    /// The kernel has no use for it any more. It is not freed by that.
    ///
    /// # Safety
    ///
    /// None.
    unsafe extern "C" fn released(_: *mut bindings::kref) {}
}
