// SPDX-License-Identifier: GPL-2.0

//! Busy polling of NAPI instances by CPUs that have nothing else to do.
//!
//! Each CPU has a thread of the kernel's idle policy (`SCHED_IDLE`), which whatever else wants to run
//! replaces at once. A CPU that runs nothing but such a thread counts as idle where the scheduler
//! looks for a place for a task, so a task that the thread's packet wakes runs where the packet was
//! received, and others do not avoid the CPU.
//!
//! C headers: [`include/net/busy_poll.h`](srctree/include/net/busy_poll.h),
//! [`include/linux/smpboot.h`](srctree/include/linux/smpboot.h)

use crate::{
    bindings, cpu,
    net::napi::NapiId,
    steal::{stolen_ns, Steal},
    time::now_ns,
};
use core::{cell::UnsafeCell, ptr::null_mut};
use kernel::{
    cpu::{nr_cpu_ids, CpuId},
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
    time::Delta,
};

/// Packets that one turn of a busy poll may receive, as many as the core takes for sockets
/// (`BUSY_POLL_BUDGET` in include/net/busy_poll.h).
const BUDGET: u16 = 8;

/// The longest busy loop: the core keeps preemption off and RCU from moving on meanwhile. As long
/// as softirqs may take in one go (`MAX_SOFTIRQ_TIME` in kernel/softirq.c).
const TURN_NS: i64 = 2_000_000;

/// The [`Cpu`]s of the threads, in the order of their numbers; null while there are no threads. The
/// kernel tells a thread's functions no more than its CPU.
static CPUS: Atomic<*mut Cpu> = Atomic::new(null_mut());

/// Threads, one for each CPU that runs, that poll while their CPU has nothing else to run. The kernel
/// makes and parks them as CPUs come and go.
///
/// # Invariants
///
/// `cpus` has an element for each number of a CPU, to which [`CPUS`] points as long as there are
/// threads; only dropping this ends them.
pub struct IdleThreads {
    cpus: KVVec<Cpu>,
}

/// What one CPU's thread does. An instance is told by its id, which keeps nothing alive: of one that is
/// gone there is nothing to poll.
// Others' CPUs ask all the time.
#[repr(align(64))]
struct Cpu {
    /// The id of the instance that is polled. Written by the thread alone.
    napi: Atomic<u32>,
    /// The id of another that is to be polled, or [`NOBODY`].
    next: Atomic<u32>,
    /// When to stop polling, by the monotonic clock in ns.
    until: Atomic<i64>,
    /// Whether the thread is to run.
    is_wanted: Atomic<bool>,
    /// Before this the host has no CPU to spare, by the monotonic clock in ns.
    resumes: Atomic<i64>,
    /// The thread's alone.
    steal: UnsafeCell<Steal>,
}

/// No instance's id.
const NOBODY: u32 = 0;

// SAFETY: All but `steal` are atomics, and that is used by the one thread of the CPU only.
unsafe impl Sync for Cpu {}

impl IdleThreads {
    /// Starts the threads. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EBUSY` if there are such threads already.
    pub fn new() -> Result<Arc<Self>> {
        let count = nr_cpu_ids() as usize;
        let mut cpus = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            cpus.push(Cpu::new(), GFP_KERNEL)?;
        }
        CPUS.cmpxchg(null_mut(), cpus.as_mut_ptr(), Full)
            .map_err(|_| EBUSY)?;
        // SAFETY: Both functions find their CPU's element by `CPUS`, until the threads are stopped;
        // as `CPUS` was null, there are none now.
        let started = to_result(unsafe {
            bindings::xl_idle_threads_start(Some(Cpu::should_run), Some(Cpu::run))
        });
        if started.is_err() {
            CPUS.store(null_mut(), Relaxed);
        }
        started?;
        // INVARIANT: The elements stay where they are when the vector is moved.
        Ok(Arc::new(Self { cpus }, GFP_KERNEL)?)
    }

    /// Has an instance polled by a CPU for so long from now on, whenever that has nothing else to do
    /// and the host can spare it, unless it is isolated. A CPU polls one instance at a time, in turns
    /// if it is asked to poll several. Any context.
    #[inline]
    pub fn poll_for(&self, cpu: CpuId, napi: NapiId, time: Delta) {
        let Some(state) = self.cpus.get(cpu.as_u32() as usize) else {
            return;
        };
        let now = now_ns();
        if now < state.resumes.load(Relaxed) {
            return;
        }
        if !state.is_wanted.load(Relaxed) && cpu::is_isolated(cpu) {
            return;
        }
        if state.napi.load(Relaxed) != napi.0 {
            state.next.store(napi.0, Relaxed);
        }
        let until = now.saturating_add(time.as_nanos());
        state.until.store(until, Relaxed);
        // Either the thread sees the time when it has cleared this, or it is woken. That of a CPU
        // that does not run is parked, and looks when it goes on.
        if !state.is_wanted.xchg(true, Full) && cpu::is_online(cpu) {
            // SAFETY: By the type invariant there are threads. A CPU that runs, or ran just now, has
            // a place for one, which not each number below `nr_cpu_ids()` has. The callee skips a CPU
            // without a thread.
            unsafe { bindings::xl_idle_thread_wake(cpu.as_u32()) };
        }
    }

    /// Ends that early. Any context.
    #[inline]
    pub fn stop(&self, cpu: CpuId, napi: NapiId) {
        if let Some(state) = self.cpus.get(cpu.as_u32() as usize) {
            // If another one is polled, who asked for that does so again.
            if state.napi.load(Relaxed) == napi.0 || state.next.load(Relaxed) == napi.0 {
                state.until.store(0, Relaxed);
            }
        }
    }
}

impl Drop for IdleThreads {
    /// Waits for the threads to end. Process context.
    fn drop(&mut self) {
        // SAFETY: By the type invariant there are threads. Whoever could wake one had a reference.
        unsafe { bindings::xl_idle_threads_stop() };
        CPUS.store(null_mut(), Relaxed);
    }
}

impl Cpu {
    fn new() -> Self {
        Self {
            napi: Atomic::new(NOBODY),
            next: Atomic::new(NOBODY),
            until: Atomic::new(0),
            is_wanted: Atomic::new(false),
            resumes: Atomic::new(0),
            steal: UnsafeCell::new(Steal::new()),
        }
    }

    /// # Safety
    ///
    /// To be called by the thread of the CPU with this number, of which there is one while `CPUS`
    /// points to as many elements as there are numbers of CPUs.
    unsafe fn of<'a>(number: c_uint) -> &'a Self {
        // SAFETY: By the function's contract.
        unsafe { &*CPUS.load(Relaxed).add(number as usize) }
    }

    #[inline]
    fn is_over(&self, now: i64) -> bool {
        now >= self.until.load(Relaxed)
    }

    /// Until when the host can spare the CPU, as far as is known, by the monotonic clock in ns; `None` if
    /// it cannot.
    ///
    /// # Safety
    ///
    /// To be called by the thread of this CPU, whose number is `number`.
    unsafe fn spared_until(&self, number: CpuId, now: i64) -> Option<i64> {
        // SAFETY: By the function's contract nobody else uses it.
        let steal = unsafe { &mut *self.steal.get() };
        if steal.allows_polling(now, || stolen_ns(number)) {
            return Some(steal.next());
        }
        self.resumes.store(steal.next(), Relaxed);
        self.until.store(0, Relaxed);
        None
    }

    /// The instance whose turn it is. Called by the thread.
    fn take_turn(&self) -> u32 {
        let next = self.next.load(Relaxed);
        if next != NOBODY {
            self.next.store(NOBODY, Relaxed);
            self.napi.store(next, Relaxed);
        }
        self.napi.load(Relaxed)
    }

    /// The thread sleeps until it is woken, unless somebody asks at this moment.
    fn rest(&self) {
        self.is_wanted.xchg(false, Full);
        if !self.is_over(now_ns()) {
            self.is_wanted.store(true, Relaxed);
        }
    }

    /// Whether the thread runs or sleeps.
    ///
    /// # Safety
    ///
    /// That of [`Self::of`].
    unsafe extern "C" fn should_run(number: c_uint) -> c_int {
        // SAFETY: By the function's contract. Who wakes the thread has set it before, and the thread
        // has said before that it is going to sleep.
        unsafe { Self::of(number) }.is_wanted.load(Relaxed).into()
    }

    /// Polls for a while, on the CPU that the thread is bound to.
    ///
    /// # Safety
    ///
    /// That of [`Self::of`].
    unsafe extern "C" fn run(number: c_uint) {
        // SAFETY: By the function's contract.
        let this = unsafe { Self::of(number) };
        let Some(number) = CpuId::from_u32(number) else {
            return;
        };
        let now = now_ns();
        let mut turn = Turn {
            cpu: this,
            number,
            end: now + TURN_NS,
            look: now,
            is_over: false,
        };
        // SAFETY: By the function's contract this is the CPU's thread.
        if this.is_over(now) || !unsafe { turn.goes_on(now) } {
            this.rest();
            return;
        }
        let arg = core::ptr::from_mut(&mut turn).cast();
        // SAFETY: Any number may be looked up; the callback gets the turn that it expects, which lives
        // until the callee returns. Process context, nothing is locked, preemption is on.
        unsafe {
            bindings::napi_busy_loop(this.take_turn(), Some(Turn::ends), arg, false, BUDGET);
        }
        if !turn.is_over {
            // There is no such instance any more.
            this.until.store(0, Relaxed);
            return;
        }
        // SAFETY: The callback has ended the loop, and has said so once.
        unsafe { bindings::xl_napi_busy_loop_ended() };
        if !this.is_over(now_ns()) {
            // Others want to run, and do so first, or the turn was long. Packets interrupt
            // meanwhile, as the core polled the instance once more when the loop ended.
            // SAFETY: Process context, in a state to run.
            unsafe { bindings::yield_() };
        }
    }
}

/// One busy loop.
struct Turn<'a> {
    cpu: &'a Cpu,
    number: CpuId,
    /// When it ends at the latest, by the monotonic clock in ns.
    end: i64,
    /// When to look whether it does, or whether the host can still spare the CPU.
    look: i64,
    /// Whether the callback has ended it.
    is_over: bool,
}

impl Turn<'_> {
    /// Whether the turn is not too long, and the host can spare the CPU.
    ///
    /// # Safety
    ///
    /// To be called by the CPU's thread.
    unsafe fn goes_on(&mut self, now: i64) -> bool {
        // SAFETY: By the function's contract.
        let spared = unsafe { self.cpu.spared_until(self.number, now) };
        self.look = spared.map_or(now, |until| until.min(self.end));
        now < self.look
    }

    /// Whether the busy loop ends.
    ///
    /// # Safety
    ///
    /// `arg` must point to a `Turn` of the CPU whose thread calls this, and nobody else use that.
    unsafe extern "C" fn ends(arg: *mut c_void, _begun: c_ulong) -> bool {
        // SAFETY: By the function's contract.
        let turn = unsafe { &mut *arg.cast::<Turn<'_>>() };
        let now = now_ns();
        turn.is_over = turn.cpu.is_over(now)
            // SAFETY: By the function's contract.
            || now >= turn.look && !unsafe { turn.goes_on(now) }
            // SAFETY: No preconditions.
            || !unsafe { bindings::single_task_running() };
        if turn.is_over {
            // SAFETY: The loop ends now, and its caller knows.
            unsafe { bindings::xl_napi_busy_loop_ends() };
        }
        turn.is_over
    }
}
