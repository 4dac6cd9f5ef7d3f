// SPDX-License-Identifier: GPL-2.0

//! A spinlock for data shared with softirqs, an RCU-protected box, and a completion that may be
//! waited for while the system is suspended.

mod rcu_box;

pub use rcu_box::{wait_for_readers, Contents, RcuBox};

use crate::bindings;
use core::ops::{Deref, DerefMut};
use kernel::{
    prelude::*,
    sync::{
        lock::{spinlock::SpinLockBackend, Guard},
        LockClassKey, SpinLock,
    },
    types::{NotThreadSafe, Opaque},
};

/// A spinlock that process context and softirqs may share: bottom halves are off while it is held.
///
/// Not for hard interrupts.
#[pin_data]
pub struct BhLock<T> {
    #[pin]
    inner: SpinLock<T>,
}

/// Creates a [`BhLock`](crate::sync::BhLock) initialiser with a lock class of its own.
#[macro_export]
macro_rules! new_bh_lock {
    ($value:expr) => {
        $crate::sync::BhLock::new(
            $value,
            ::kernel::optional_name!(),
            ::kernel::static_lock_class!(),
        )
    };
}

impl<T> BhLock<T> {
    /// Initialises the lock; see [`new_bh_lock!`](crate::new_bh_lock).
    pub fn new(
        value: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- SpinLock::new(value, name, key),
        })
    }

    /// Takes the lock with bottom halves off. Process or softirq context.
    #[inline]
    pub fn lock(&self) -> BhGuard<'_, T> {
        let bottom_halves = BottomHalvesOff::new();
        BhGuard {
            guard: self.inner.lock(),
            _bottom_halves: bottom_halves,
        }
    }
}

/// The lock is held while this exists.
pub struct BhGuard<'a, T> {
    // Dropped in this order: the lock first, then bottom halves come back.
    guard: Guard<'a, T, SpinLockBackend>,
    _bottom_halves: BottomHalvesOff,
}

impl<T> Deref for BhGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: Unpin> DerefMut for BhGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// # Invariants
///
/// Bottom halves are off on this CPU by one count that this value owns.
struct BottomHalvesOff(NotThreadSafe);

impl BottomHalvesOff {
    #[inline]
    fn new() -> Self {
        // SAFETY: Bottom halves may be turned off in process and softirq context, and the count
        // nests; the type is not `Send`, so the matching enable runs on the same task.
        unsafe { bindings::xl_local_bh_disable() };
        // INVARIANT: Just counted.
        Self(NotThreadSafe)
    }
}

impl Drop for BottomHalvesOff {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant there is one count to give back.
        unsafe { bindings::xl_local_bh_enable() };
    }
}

/// Something that happens once. Unlike with `kernel::sync::Completion`, a task that waits for it
/// can be frozen.
///
/// C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)
///
/// # Invariants
///
/// The completion is initialised.
#[pin_data]
pub(crate) struct FreezableCompletion {
    #[pin]
    inner: Opaque<bindings::completion>,
}

// SAFETY: Whoever waits for it, on whatever thread, has a reference to it.
unsafe impl Send for FreezableCompletion {}
// SAFETY: Completing it and waiting for it take the lock of its queue.
unsafe impl Sync for FreezableCompletion {}

impl FreezableCompletion {
    /// What has not happened yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: Initialised.
            inner <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and, being pinned, stays in place.
                unsafe { bindings::init_completion(slot) }
            }),
        })
    }

    /// It has happened. Any context.
    pub(crate) fn complete_all(&self) {
        // SAFETY: By the type invariant it is initialised; the callee may be called in any context,
        // and again.
        unsafe { bindings::complete_all(self.inner.get()) };
    }

    /// Waits until it has happened. Process context. A task of userspace may be frozen meanwhile, and
    /// must hold no locks; a worker is not.
    pub(crate) fn wait(&self) {
        let state = bindings::TASK_UNINTERRUPTIBLE | bindings::TASK_FREEZABLE;
        // SAFETY: By the type invariant it is initialised; without `TASK_INTERRUPTIBLE` the wait
        // does not fail.
        unsafe { bindings::wait_for_completion_state(self.inner.get(), state) };
    }
}
