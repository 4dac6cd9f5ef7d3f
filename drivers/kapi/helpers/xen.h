/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What domain this is.
 */
#ifndef _XL_HELPERS_XEN_H
#define _XL_HELPERS_XEN_H

#include <linux/types.h>

bool xl_xen_domain(void);
bool xl_xen_initial_domain(void);

#endif /* _XL_HELPERS_XEN_H */
