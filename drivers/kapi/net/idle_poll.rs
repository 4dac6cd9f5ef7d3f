// SPDX-License-Identifier: GPL-2.0

//! Busy polling of NAPI instances by CPUs that have nothing else to do.
//!
//! C headers: [`include/net/busy_poll.h`](srctree/include/net/busy_poll.h),
//! [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use crate::{
    bindings,
    net::napi::{Napi, Poll},
    time::now_ns,
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
    time::Delta,
    types::Opaque,
};

/// Packets that one turn of a busy poll may receive, as many as the core takes for sockets
/// (`BUSY_POLL_BUDGET` in include/net/busy_poll.h).
const BUDGET: u16 = 8;

/// The longest busy loop: the core keeps preemption off and RCU from moving on meanwhile. As long
/// as softirqs may take in one go (`MAX_SOFTIRQ_TIME` in kernel/softirq.c).
const TURN_NS: i64 = 2_000_000;

/// The least that a task can weigh: whatever else wants to run comes first.
const NICE: c_long = 19;

/// A kernel thread that polls while its CPU has nothing else to run.
///
/// # Invariants
///
/// The pointer is a kthread worker that runs until this is dropped.
pub struct IdleThread(NonNull<bindings::kthread_worker>);

// SAFETY: A kthread worker may be used, and destroyed, from any thread.
unsafe impl Send for IdleThread {}
// SAFETY: As above; queueing takes the worker's lock.
unsafe impl Sync for IdleThread {}

impl IdleThread {
    /// Starts a thread with this name. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: The name is a C string, which the callee copies.
        let worker = from_err_ptr(unsafe { bindings::xl_kthread_run_worker(name.as_char_ptr()) })?;
        let worker = NonNull::new(worker).ok_or(ENOMEM)?;
        // SAFETY: The worker was just created, and its thread lives until it is destroyed.
        unsafe { bindings::set_user_nice((*worker.as_ptr()).task, NICE) };
        // INVARIANT: It runs, and only dropping ends it.
        Ok(Self(worker))
    }
}

impl Drop for IdleThread {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it runs. Whoever could queue work has a reference.
        unsafe { bindings::kthread_destroy_worker(self.0.as_ptr()) };
    }
}

/// What has an idle thread poll a NAPI instance.
///
/// # Invariants
///
/// `work` is an initialised `kthread_work` whose function is `Self::call`; it is inside an [`Arc`]
/// and at most queued while that lives: dropping cancels it and waits.
#[pin_data(PinnedDrop)]
pub struct IdlePoll<T: Poll> {
    #[pin]
    work: Opaque<bindings::kthread_work>,
    thread: Arc<IdleThread>,
    napi: Arc<Napi<T>>,
    /// When to stop polling, by the monotonic clock in ns.
    until: Atomic<i64>,
}

// SAFETY: A `kthread_work` may be queued and cancelled from any thread; the rest is `Send`.
unsafe impl<T: Poll> Send for IdlePoll<T> {}
// SAFETY: As above; functions on a shared `kthread_work` take its worker's lock.
unsafe impl<T: Poll> Sync for IdlePoll<T> {}

impl<T: Poll> IdlePoll<T> {
    /// Prepares the polling of an instance. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(thread: Arc<IdleThread>, napi: Arc<Napi<T>>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                // INVARIANT: Initialised with `Self::call` as its function.
                work <- Opaque::ffi_init(|slot| {
                    // SAFETY: `slot` is valid for writes and, being pinned, stays in place.
                    unsafe { bindings::xl_kthread_init_work(slot, Some(Self::call)) }
                }),
                thread,
                napi,
                until: Atomic::new(0),
            }),
            GFP_KERNEL,
        )
    }

    /// Has the instance polled for so long from now on, whenever the thread's CPU has nothing else
    /// to do. Any context.
    #[inline]
    pub fn poll_for(&self, time: Delta) {
        let until = now_ns().saturating_add(time.as_nanos());
        self.until.store(until, Relaxed);
        // SAFETY: By the invariants the work is initialised and the worker runs. Work that is
        // queued, or being cancelled, the callee leaves alone.
        unsafe { bindings::kthread_queue_work(self.thread.0.as_ptr(), self.work.get()) };
    }

    /// Ends that early. Any context.
    #[inline]
    pub fn stop(&self) {
        self.until.store(0, Relaxed);
    }

    #[inline]
    fn is_over(&self, now: i64) -> bool {
        now >= self.until.load(Relaxed)
    }

    /// # Safety
    ///
    /// `work` must be that of a `Self` that lives until this returns.
    unsafe extern "C" fn call(work: *mut bindings::kthread_work) {
        // SAFETY: By the function's contract `work` is embedded (transparently wrapped) in a
        // `Self`.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(work), Self, work) };
        let now = now_ns();
        if this.is_over(now) {
            return;
        }
        let mut turn = Turn {
            poll: this,
            end: now + TURN_NS,
        };
        let arg = core::ptr::from_mut(&mut turn).cast();
        // SAFETY: The instance is counted by `this`, and the callback gets the turn that it
        // expects; both live until the callee returns. Process context, nothing is locked.
        unsafe {
            bindings::xl_napi_busy_loop(this.napi.as_raw(), Some(Self::ends), arg, BUDGET);
        }
        if !this.is_over(now_ns()) {
            // Others want to run, and do so first, or the turn was long. Packets interrupt
            // meanwhile, as the core polled the instance once more when the loop ended.
            // SAFETY: Process context, in a state to run.
            unsafe { bindings::yield_() };
            // SAFETY: As in `poll_for`.
            unsafe { bindings::kthread_queue_work(this.thread.0.as_ptr(), this.work.get()) };
        }
    }

    /// Whether the busy loop ends.
    ///
    /// # Safety
    ///
    /// `arg` must point to a `Turn<'_, T>`.
    unsafe extern "C" fn ends(arg: *mut c_void, _begun: c_ulong) -> bool {
        // SAFETY: By the function's contract.
        let turn = unsafe { &*arg.cast::<Turn<'_, T>>() };
        let now = now_ns();
        turn.poll.is_over(now)
            || now >= turn.end
            // SAFETY: No preconditions. Where preemption is on, as after the core has rescheduled,
            // the answer may be another CPU's, which costs a turn.
            || !unsafe { bindings::single_task_running() }
    }
}

/// One busy loop.
struct Turn<'a, T: Poll> {
    poll: &'a IdlePoll<T>,
    /// When it ends at the latest, by the monotonic clock in ns.
    end: i64,
}

#[pinned_drop]
impl<T: Poll> PinnedDrop for IdlePoll<T> {
    fn drop(self: Pin<&mut Self>) {
        self.stop();
        // SAFETY: By the type invariant the work is initialised.
        unsafe { bindings::kthread_cancel_work_sync(self.work.get()) };
    }
}
