// SPDX-License-Identifier: GPL-2.0
/*
 * The avoid= parameter of xlnet: text that may be written at any time.  The
 * kernel's param lock sees to it that there is one call at a time; there is
 * none while the kernel loads the module, when nobody else knows of it.
 */
#include <linux/moduleparam.h>

#include "avoid.h"

static int avoid_set(const char *text, const struct kernel_param *kp)
{
	return xl_avoid_set(text);
}

static int avoid_get(char *page, const struct kernel_param *kp)
{
	return xl_avoid_get(page);
}

static void avoid_free(void *arg)
{
	xl_avoid_free();
}

static const struct kernel_param_ops avoid_ops = {
	.set = avoid_set,
	.get = avoid_get,
	.free = avoid_free,
};

module_param_cb(avoid, &avoid_ops, NULL, 0644);
MODULE_PARM_DESC(avoid, "peers that stay on the NIC; see the README");
