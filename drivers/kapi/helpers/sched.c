// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kernel_stat.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>

#include "sched.h"

bool xl_in_user_task(void)
{
	return in_task() && !(current->flags & PF_KTHREAD);
}

bool xl_cpu_is_isolated(unsigned int cpu)
{
	bool isolated;

	/* A cpuset may replace the mask. */
	rcu_read_lock();
	isolated = cpu_is_isolated(cpu) ||
		   !housekeeping_test_cpu(cpu, HK_TYPE_KERNEL_NOISE);
	rcu_read_unlock();
	return isolated;
}

u64 xl_steal_time(unsigned int cpu)
{
	if (!cpu_possible(cpu))
		return 0;
	return READ_ONCE(kcpustat_cpu(cpu).cpustat[CPUTIME_STEAL]);
}

u64 xl_tick_ns(void)
{
	return TICK_NSEC;
}
