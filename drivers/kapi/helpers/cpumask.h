/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUs.
 */
#ifndef _XL_HELPERS_CPUMASK_H
#define _XL_HELPERS_CPUMASK_H

#include <linux/types.h>

unsigned int xl_num_online_cpus(void);
unsigned int xl_num_possible_cpus(void);
bool xl_cpu_online(unsigned int cpu);
unsigned int xl_cpu_nth_online(unsigned int n);

#endif /* _XL_HELPERS_CPUMASK_H */
