// SPDX-License-Identifier: GPL-2.0
/*
 * The version, which Kbuild takes from debian/changelog: module!() has no
 * word for it.
 */
#include <linux/module.h>

#include "version.h"

MODULE_VERSION(XLNET_VERSION);

const char *xl_version(void)
{
	return XLNET_VERSION;
}
