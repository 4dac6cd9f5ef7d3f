// SPDX-License-Identifier: GPL-2.0

//! How many CPUs this kernel runs on, and which one.
//!
//! C header: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h)

use crate::bindings;
use kernel::cpu::CpuId;

/// The CPUs that run now. Any context.
pub fn online() -> u32 {
    // SAFETY: No preconditions: the kernel keeps the number whole while CPUs come and go.
    unsafe { bindings::xl_num_online_cpus() }
}

/// The CPUs that may ever run. Any context.
pub fn possible() -> u32 {
    // SAFETY: No preconditions: the number is constant after boot.
    unsafe { bindings::xl_num_possible_cpus() }
}

/// Whether a CPU runs now. Any context.
pub(crate) fn is_online(cpu: CpuId) -> bool {
    // SAFETY: The number is a CPU's by its type's invariant.
    unsafe { bindings::xl_cpu_online(cpu.as_u32()) }
}

/// A CPU that runs now, by a number that counts around all that do; `None` if that is just
/// changing. Any context.
pub fn nth(number: u32) -> Option<CpuId> {
    // SAFETY: No preconditions. Should CPUs go offline meanwhile, it is no CPU's number.
    CpuId::from_u32(unsafe { bindings::xl_cpu_nth_online(number) })
}

/// The CPU of the task of userspace that does this; `None` in an interrupt, a softirq, or a thread
/// of the kernel's. Preemption is off.
#[inline]
pub fn of_user_task() -> Option<CpuId> {
    // SAFETY: Looks at the running task.
    unsafe { bindings::xl_in_user_task() }.then(CpuId::current)
}

/// Whether a CPU is kept free for something: by `isolcpus=`, `nohz_full=` or an isolated partition of
/// a cpuset. Any context.
pub fn is_isolated(cpu: CpuId) -> bool {
    // SAFETY: The number is a CPU's by its type's invariant.
    unsafe { bindings::xl_cpu_is_isolated(cpu.as_u32()) }
}
