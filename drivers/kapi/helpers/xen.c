// SPDX-License-Identifier: GPL-2.0
#include <linux/types.h>
#include <xen/xen.h>

#include "xen.h"

bool xl_xen_domain(void)
{
	return xen_domain();
}

bool xl_xen_initial_domain(void)
{
	return xen_initial_domain();
}
