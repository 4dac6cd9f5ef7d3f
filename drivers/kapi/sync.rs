// SPDX-License-Identifier: GPL-2.0

//! A spinlock for data shared with softirqs, an RCU-protected box, and a completion that may be
//! waited for while the system is suspended.

use crate::{bindings, compat};
use core::ops::{Deref, DerefMut};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full},
        lock::{spinlock::SpinLockBackend, Guard},
        rcu, LockClassKey, SpinLock,
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

/// A box whose contents readers see without a lock, replaced as a whole.
///
/// # Invariants
///
/// The pointer comes from `KBox::into_raw` and is owned by this value.
pub struct RcuBox<T: Send + Sync>(Atomic<*mut T>);

// SAFETY: The box owns a `T`, which is `Send`.
unsafe impl<T: Send + Sync> Send for RcuBox<T> {}
// SAFETY: Readers share `&T` (`T: Sync`); `replace` moves a `T` in and drops one, possibly on
// another thread (`T: Send`).
unsafe impl<T: Send + Sync> Sync for RcuBox<T> {}

impl<T: Send + Sync> RcuBox<T> {
    /// Takes ownership of `value`.
    pub fn new(value: KBox<T>) -> Self {
        // INVARIANT: The pointer comes from `into_raw` and ownership moves here.
        Self(Atomic::new(KBox::into_raw(value)))
    }

    /// Returns the current contents, which stay valid as long as the guard. Any context.
    #[inline]
    pub fn read<'a>(&'a self, _guard: &'a rcu::Guard) -> &'a T {
        let ptr = self.0.load(Acquire);
        // SAFETY: By the invariant the pointer is valid, and `replace` frees a former value only
        // after a grace period, which cannot end while `_guard` lives.
        unsafe { &*ptr }
    }

    /// Replaces the contents and frees the old ones once no reader has them: when this returns nobody
    /// reads them any more. Process context, not within an RCU read-side critical section: it would
    /// wait for itself or, on a kernel whose readers are not preempted, end the section by sleeping.
    /// Types do not rule that out, as with `kernel::revocable::Revocable::revoke`; lockdep tells.
    pub fn replace(&self, value: KBox<T>) {
        // INVARIANT: The new pointer comes from `into_raw`; ownership of the old one moves out.
        let old = self.0.xchg(KBox::into_raw(value), Full);
        compat::rcu::synchronize_rcu();
        // SAFETY: The old pointer came from `into_raw`, and as the grace period is over and new
        // readers find the new pointer, nobody else has it.
        drop(unsafe { KBox::from_raw(old) });
    }
}

impl<T: Send + Sync> Drop for RcuBox<T> {
    fn drop(&mut self) {
        // SAFETY: By the invariant the pointer came from `into_raw`; `&mut self` shows that there
        // are no readers, whose borrows of `self` would still be alive.
        drop(unsafe { KBox::from_raw(*self.0.get_mut()) });
    }
}

/// Waits until all who were reading under RCU when it was called are through, softirqs among them.
/// Process context, as for [`RcuBox::replace`].
pub fn wait_for_readers() {
    compat::rcu::synchronize_rcu();
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

// SAFETY: A completion may be used by any thread.
unsafe impl Send for FreezableCompletion {}
// SAFETY: It has a lock of its own.
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
        // SAFETY: By the type invariant.
        unsafe { bindings::complete_all(self.inner.get()) };
    }

    /// Waits until it has happened. Process context, with no locks held: the task may be frozen
    /// with them.
    pub(crate) fn wait(&self) {
        let state = bindings::TASK_UNINTERRUPTIBLE | bindings::TASK_FREEZABLE;
        // SAFETY: By the type invariant; without `TASK_INTERRUPTIBLE` the wait does not fail.
        unsafe { bindings::wait_for_completion_state(self.inner.get(), state) };
    }
}
