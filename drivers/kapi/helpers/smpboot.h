/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread for each CPU that runs.
 */
#ifndef _XL_HELPERS_SMPBOOT_H
#define _XL_HELPERS_SMPBOOT_H

int xl_idle_threads_start(int (*should_run)(unsigned int cpu),
			  void (*run)(unsigned int cpu));
void xl_idle_threads_stop(void);
void xl_idle_thread_wake(unsigned int cpu);

#endif /* _XL_HELPERS_SMPBOOT_H */
