/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The nic= parameter of whichever module this is linked into.
 */
#ifndef _XL_PARAM_H
#define _XL_PARAM_H

const char *xl_param_nic(void);

#endif /* _XL_PARAM_H */
