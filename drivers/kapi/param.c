// SPDX-License-Identifier: GPL-2.0
/*
 * The nic= parameter: module!() knows integers and booleans only.
 */
#include <linux/moduleparam.h>

#include "param.h"

static char *nic;
module_param(nic, charp, 0444);
MODULE_PARM_DESC(nic, "network interface(s) to serve; see the README");

const char *xl_param_nic(void)
{
	return nic;
}
