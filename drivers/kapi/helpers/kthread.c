// SPDX-License-Identifier: GPL-2.0
#include <linux/kthread.h>

#include "kthread.h"

struct kthread_worker *xl_kthread_run_worker(const char *name)
{
	return kthread_run_worker(0, "%s", name);
}

void xl_kthread_init_work(struct kthread_work *work, kthread_work_func_t func)
{
	kthread_init_work(work, func);
}
