/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's routing tables, as those who only look see them.
 */
#ifndef _XL_FIB_H
#define _XL_FIB_H

#include <linux/types.h>

/* What a lookup found */
struct xl_fib_answer {
	u32 table;
	u32 next_hops;		/* id of the next-hop object, 0 without one */
	__be32 source;		/* what the kernel takes as source */
	int oifs[2];		/* of the first two next hops */
	unsigned int paths;
	u8 type;
	u8 protocol;
	bool gateway;		/* whether the next hop chosen is one */
};

int xl_fib_lookup4(int iif, __be32 src, __be32 dst,
		   struct xl_fib_answer *answer);
int xl_fib_table_lookup4(u32 table, __be32 dst, struct xl_fib_answer *answer);
void xl_synchronize_rcu_tasks(void);

#endif /* _XL_FIB_H */
