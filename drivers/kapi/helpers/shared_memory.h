/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that another domain writes or reads meanwhile.
 */
#ifndef _XL_HELPERS_SHARED_MEMORY_H
#define _XL_HELPERS_SHARED_MEMORY_H

#include <linux/types.h>

u32 xl_virt_load_acquire(const u32 *p);
void xl_virt_store_release(u32 *p, u32 value);
void xl_virt_mb(void);
void xl_copy_from_peer(void *to, const void *from, size_t len);

#endif /* _XL_HELPERS_SHARED_MEMORY_H */
