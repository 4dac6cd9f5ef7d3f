/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks, and the time that they get.
 */
#ifndef _XL_HELPERS_SCHED_H
#define _XL_HELPERS_SCHED_H

#include <linux/types.h>

bool xl_in_user_task(void);
bool xl_cpu_is_isolated(unsigned int cpu);
u64 xl_steal_time(unsigned int cpu);
u64 xl_tick_ns(void);

#endif /* _XL_HELPERS_SCHED_H */
