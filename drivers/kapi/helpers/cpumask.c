// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>

#include "cpumask.h"

unsigned int xl_num_online_cpus(void)
{
	return num_online_cpus();
}

unsigned int xl_num_possible_cpus(void)
{
	return num_possible_cpus();
}

bool xl_cpu_online(unsigned int cpu)
{
	return cpu_online(cpu);
}

/* cpumask_local_spread() warns when a CPU goes offline in the midst of it. */
unsigned int xl_cpu_nth_online(unsigned int n)
{
	return cpumask_nth(n % num_online_cpus(), cpu_online_mask);
}
