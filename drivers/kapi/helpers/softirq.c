// SPDX-License-Identifier: GPL-2.0
#include <linux/bottom_half.h>

#include "softirq.h"

void xl_local_bh_disable(void)
{
	local_bh_disable();
}

void xl_local_bh_enable(void)
{
	local_bh_enable();
}
