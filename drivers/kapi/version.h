/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The version of whichever module this is linked into.
 */
#ifndef _XL_VERSION_H
#define _XL_VERSION_H

const char *xl_version(void);

#endif /* _XL_VERSION_H */
