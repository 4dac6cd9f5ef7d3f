/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUs.
 */
#ifndef _XL_HELPERS_CPUMASK_H
#define _XL_HELPERS_CPUMASK_H

unsigned int xl_num_online_cpus(void);
unsigned int xl_num_possible_cpus(void);

#endif /* _XL_HELPERS_CPUMASK_H */
