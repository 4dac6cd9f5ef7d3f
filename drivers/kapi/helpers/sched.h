/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks.
 */
#ifndef _XL_HELPERS_SCHED_H
#define _XL_HELPERS_SCHED_H

bool xl_in_user_task(void);
bool xl_cpu_is_isolated(unsigned int cpu);

#endif /* _XL_HELPERS_SCHED_H */
