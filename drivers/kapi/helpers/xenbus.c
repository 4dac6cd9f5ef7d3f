// SPDX-License-Identifier: GPL-2.0
#include <linux/device.h>
#include <xen/xenbus.h>

#include "xenbus.h"

const char *xl_xenbus_devicetype(const struct device *dev)
{
	return to_xenbus_device(dev)->devicetype;
}
