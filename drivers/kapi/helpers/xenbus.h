/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices on Xen's bus.
 */
#ifndef _XL_HELPERS_XENBUS_H
#define _XL_HELPERS_XENBUS_H

#include <linux/device.h>

const char *xl_xenbus_devicetype(const struct device *dev);

#endif /* _XL_HELPERS_XENBUS_H */
