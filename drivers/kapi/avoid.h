/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What avoid.rs does when the avoid= parameter is written, read, or gone with
 * the module.  The caller sees to it that there is one call at a time.
 */
#ifndef _XL_AVOID_H
#define _XL_AVOID_H

int xl_avoid_set(const char *text);
int xl_avoid_get(char *page);
void xl_avoid_free(void);

#endif /* _XL_AVOID_H */
