// SPDX-License-Identifier: GPL-2.0

//! A work item that is kicked from anywhere, runs in process context and never beside itself.
//!
//! `kernel::workqueue` has no way to cancel a work item and wait for it, which a module needs
//! before its text goes away.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use crate::bindings;
use kernel::{
    prelude::*,
    sync::{Arc, LockClassKey},
    types::Opaque,
};

const UNBOUND: c_int = bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int;

/// What a [`Worker`] runs.
pub trait Work: Send + Sync + Sized + 'static {
    /// Runs in process context, never on two CPUs at once for one worker. A kick that arrives while
    /// this runs makes it run once more. The worker may be on its way out already, with nobody else
    /// who has it: it is borrowed and cannot be kept.
    fn run(&self, worker: &Worker<Self>);
}

/// A work item with the state it works on. Dropping it waits for a running one to end: process
/// context, not from within [`Work::run`].
///
/// # Invariants
///
/// The value is pinned. `work` is an initialised `delayed_work` whose function is `Self::call`, and
/// it is at most queued while `self` lives: dropping the worker disables it and waits.
#[pin_data(PinnedDrop)]
pub struct Worker<T: Work> {
    #[pin]
    work: Opaque<bindings::delayed_work>,
    #[pin]
    inner: T,
}

// SAFETY: A `delayed_work` may be queued and disabled from any thread; `T: Send + Sync`.
unsafe impl<T: Work> Send for Worker<T> {}
// SAFETY: The functions on a shared `delayed_work` change its state by atomic bits, whoever calls
// them at the same time; `T` is shared with the thread that it runs on, and is `Sync`.
unsafe impl<T: Work> Sync for Worker<T> {}

/// Creates a [`Worker`](crate::work::Worker) with a lock class of its own: of two in one class, lockdep
/// would take the wait of one for the other for a wait for itself.
#[macro_export]
macro_rules! new_worker {
    ($inner:expr) => {
        $crate::work::Worker::new($inner, ::kernel::static_lock_class!())
    };
}

impl<T: Work> Worker<T> {
    /// Creates a worker that waits for its first kick; see [`new_worker!`](crate::new_worker). Process
    /// context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(inner: impl PinInit<T>, class: Pin<&'static LockClassKey>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                // INVARIANT: Initialised with `Self::call` as its function.
                work <- Opaque::ffi_init(|slot| {
                    // SAFETY: `slot` is valid for writes and, being pinned, stays in place. So does
                    // the class.
                    unsafe {
                        bindings::xl_init_delayed_work(slot, Some(Self::call), class.as_ptr())
                    }
                }),
                inner <- inner,
            }),
            GFP_KERNEL,
        )
    }

    /// The state the worker works on.
    pub fn get(&self) -> &T {
        &self.inner
    }

    /// Makes the worker run as soon as possible. Any context.
    pub fn kick(&self) {
        // SAFETY: By the type invariant the work is initialised; the queue is set up long before
        // modules load and never goes away. A disabled work is refused by the callee.
        unsafe {
            bindings::mod_delayed_work_on(UNBOUND, bindings::system_dfl_wq, self.work.get(), 0)
        };
    }

    /// Makes the worker run in `ms` milliseconds, unless it is to run already. Any context.
    pub fn again_in(&self, ms: u64) {
        let ms = c_uint::try_from(ms).unwrap_or(c_uint::MAX);
        let delay = kernel::time::msecs_to_jiffies(ms);
        // SAFETY: By the type invariant the work is initialised; the queue never goes away. Work
        // that is queued already, or disabled, the callee leaves alone.
        unsafe {
            bindings::queue_delayed_work_on(
                UNBOUND,
                bindings::system_dfl_wq,
                self.work.get(),
                delay,
            )
        };
    }

    /// Waits for a running worker to end; later kicks do nothing. Process context, not from
    /// within [`Work::run`].
    pub fn stop(&self) {
        // SAFETY: By the type invariant the work is initialised. Each call counts, and nothing
        // enables the work again, so that it runs no more when this returns.
        unsafe { bindings::disable_delayed_work_sync(self.work.get()) };
    }

    /// # Safety
    ///
    /// `work` must be the `work` of the `work` of a `Worker<T>` that lives until this returns.
    unsafe extern "C" fn call(work: *mut bindings::work_struct) {
        // SAFETY: By the function's contract `work` is embedded in a `delayed_work` ...
        let work = unsafe { kernel::container_of!(work, bindings::delayed_work, work) };
        // SAFETY: ... which is embedded (transparently wrapped) in a `Worker<T>` that is alive,
        // since dropping it waits for this call. Its count may be zero already, so it is no
        // `ArcBorrow`, of which there could be made another count.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(work), Self, work) };
        this.get().run(this);
    }
}

#[pinned_drop]
impl<T: Work> PinnedDrop for Worker<T> {
    fn drop(self: Pin<&mut Self>) {
        self.stop();
    }
}
