/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work for a thread of its own.
 */
#ifndef _XL_HELPERS_KTHREAD_H
#define _XL_HELPERS_KTHREAD_H

#include <linux/kthread.h>

struct kthread_worker *xl_kthread_run_worker(const char *name);
void xl_kthread_init_work(struct kthread_work *work, kthread_work_func_t func);

#endif /* _XL_HELPERS_KTHREAD_H */
