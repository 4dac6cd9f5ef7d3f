// SPDX-License-Identifier: GPL-2.0

//! A box that is read under RCU.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use crate::{bindings, compat};
use core::{cell::UnsafeCell, ptr::null_mut};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed},
        rcu,
    },
};

/// Contents for an [`RcuBox`], in memory of their own.
pub struct Contents<T>(KBox<Node<T>>);

struct Node<T> {
    value: T,
    former: UnsafeCell<Former<T>>,
}

/// What belongs to whoever took the node out of the box, or alone has it in its list.
struct Former<T> {
    next: *mut Node<T>,
    /// The grace period after which nobody reads the value any more.
    grace_period: c_ulong,
}

impl<T> Contents<T> {
    /// Moves `value` there. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(value: T) -> Result<Self> {
        let former = UnsafeCell::new(Former {
            next: null_mut(),
            grace_period: 0,
        });
        Ok(Self(KBox::new(Node { value, former }, GFP_KERNEL)?))
    }
}

/// A box whose contents readers see without a lock, replaced as a whole.
///
/// # Invariants
///
/// `current` comes from `KBox::into_raw` and is owned by this value. So are the nodes of the list
/// that begins with `formers`, each of which was `current` until the moment that its grace period
/// is counted from.
pub struct RcuBox<T: Send + Sync> {
    current: Atomic<*mut Node<T>>,
    formers: Atomic<*mut Node<T>>,
}

// SAFETY: The box owns `T`s, which are `Send`.
unsafe impl<T: Send + Sync> Send for RcuBox<T> {}
// SAFETY: Readers share `&T` (`T: Sync`); `replace` moves a `T` in and drops others, possibly on
// another thread (`T: Send`). Of a node only its value is shared.
unsafe impl<T: Send + Sync> Sync for RcuBox<T> {}

impl<T: Send + Sync> RcuBox<T> {
    /// A box with these contents.
    pub fn new(contents: Contents<T>) -> Self {
        // INVARIANT: The pointer comes from `into_raw` and ownership moves here; there are no
        // formers.
        Self {
            current: Atomic::new(KBox::into_raw(contents.0)),
            formers: Atomic::new(null_mut()),
        }
    }

    /// Returns the current contents, which stay valid as long as the guard. Any context.
    #[inline]
    pub fn read<'a>(&'a self, _guard: &'a rcu::Guard) -> &'a T {
        let node = self.current.load(Acquire);
        // SAFETY: By the invariant the node is valid, and a former one is freed only after a grace
        // period that began when no new reader could find it any more, and that cannot end while
        // `_guard` lives. Nobody has a `&mut` to the value meanwhile.
        unsafe { &(*node).value }
    }

    /// Replaces the contents: who begins to read from now on finds these. The former ones are freed
    /// once no reader has them, by one of the next calls, or with the box. Process context.
    ///
    /// It does not wait for readers, so that it can end nobody's section: where readers are not
    /// preempted (without `CONFIG_PREEMPT_RCU`) who sleeps is no reader any more, guard or not.
    pub fn replace(&self, contents: Contents<T>) {
        // INVARIANT: The new pointer comes from `into_raw`; ownership of the old one moves out ...
        let former = self.current.xchg(KBox::into_raw(contents.0), Full);
        // SAFETY: No preconditions. The full barrier above is before what it counts from.
        let grace_period = unsafe { bindings::get_state_synchronize_rcu() };
        // SAFETY: Readers do not look at that part of the node, and nobody else has the node.
        unsafe { (*(*former).former.get()).grace_period = grace_period };
        // ... and into the list.
        self.keep(former);
        self.free_formers();
    }

    /// Waits until nobody reads former contents any more, and frees them. Process context, not
    /// within an RCU read-side critical section: see [`wait_for_readers`].
    pub fn wait_for_readers(&self) {
        wait_for_readers();
        self.free_formers();
    }

    /// Frees the former contents that nobody reads any more.
    fn free_formers(&self) {
        // INVARIANT: Ownership of the whole list moves out.
        let mut next = self.formers.xchg(null_mut(), Full);
        while !next.is_null() {
            let node = next;
            // SAFETY: By the type invariant it is a node of the list, which is ours alone now.
            let (after, grace_period) = unsafe {
                let former = &*(*node).former.get();
                (former.next, former.grace_period)
            };
            // SAFETY: No preconditions.
            if unsafe { bindings::poll_state_synchronize_rcu(grace_period) } {
                // SAFETY: It comes from `into_raw`, and as its grace period is over and new readers
                // find other nodes, nobody else has it.
                drop(unsafe { KBox::from_raw(node) });
            } else {
                self.keep(node);
            }
            next = after;
        }
    }

    /// Adds a node that the caller owns to the list of formers.
    fn keep(&self, node: *mut Node<T>) {
        let mut first = self.formers.load(Relaxed);
        loop {
            // SAFETY: The node is valid, the caller's alone, but for its value, and not in the list
            // yet.
            unsafe { (*(*node).former.get()).next = first };
            // INVARIANT: It came from `current`, and ownership moves here.
            match self.formers.cmpxchg(first, node, Full) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }
}

impl<T: Send + Sync> Drop for RcuBox<T> {
    fn drop(&mut self) {
        let mut next = *self.formers.get_mut();
        while !next.is_null() {
            // SAFETY: By the invariant the pointer came from `into_raw`; `&mut self` shows that
            // there are no readers, whose borrows of `self` would still be alive.
            let mut node = unsafe { KBox::from_raw(next) };
            next = node.former.get_mut().next;
        }
        // SAFETY: As above.
        drop(unsafe { KBox::from_raw(*self.current.get_mut()) });
    }
}

/// Waits until all who were reading under RCU when it was called are through, softirqs among them.
/// Process context, not within an RCU read-side critical section: it would wait for itself or,
/// without `CONFIG_PREEMPT_RCU`, end the section by sleeping. Types do not rule that out, of this
/// or of anything else that sleeps, as of `kernel::sync::rcu::synchronize_rcu`; lockdep tells.
pub fn wait_for_readers() {
    compat::rcu::synchronize_rcu();
}
