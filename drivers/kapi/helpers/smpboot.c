// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/smpboot.h>
#include <uapi/linux/sched/types.h>

#include "smpboot.h"

static DEFINE_PER_CPU(struct task_struct *, xl_idle_tasks);

static void xl_idle_thread_setup(unsigned int cpu)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_IDLE,
		.sched_nice = MAX_NICE,
	};

	sched_setattr_nocheck(current, &attr);
}

static struct smp_hotplug_thread xl_idle_threads = {
	.store = &xl_idle_tasks,
	.setup = xl_idle_thread_setup,
	.thread_comm = "xl0-idle/%u",
};

int xl_idle_threads_start(int (*should_run)(unsigned int cpu),
			  void (*run)(unsigned int cpu))
{
	xl_idle_threads.thread_should_run = should_run;
	xl_idle_threads.thread_fn = run;
	return smpboot_register_percpu_thread(&xl_idle_threads);
}

void xl_idle_threads_stop(void)
{
	struct task_struct *task;
	unsigned int cpu;

	/* To end they have to run, for which the idle policy waits long. */
	for_each_possible_cpu(cpu) {
		task = READ_ONCE(per_cpu(xl_idle_tasks, cpu));
		if (task)
			sched_set_normal(task, 0);
	}
	smpboot_unregister_percpu_thread(&xl_idle_threads);
}

void xl_idle_thread_wake(unsigned int cpu)
{
	struct task_struct *task = READ_ONCE(per_cpu(xl_idle_tasks, cpu));

	if (task)
		wake_up_process(task);
}
