// SPDX-License-Identifier: GPL-2.0
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>

#include "shared_memory.h"

u32 xl_virt_load_acquire(const u32 *p)
{
	/* Pairs with the release of the peer, in another kernel. */
	return virt_load_acquire(p);
}

void xl_virt_store_release(u32 *p, u32 value)
{
	/* Pairs with the acquire of the peer, in another kernel. */
	virt_store_release(p, value);
}

void xl_virt_mb(void)
{
	/* Pairs with the same in the peer: publish, then look who waits. */
	virt_mb();
}

void xl_copy_from_peer(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}
