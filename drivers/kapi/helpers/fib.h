/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's routing tables, as those who only look see them.
 */
#ifndef _XL_FIB_H
#define _XL_FIB_H

#include <linux/in6.h>
#include <linux/types.h>

/* What a lookup found */
struct xl_fib_answer {
	u32 table;
	u32 next_hops;		/* id of the next-hop object, 0 without one */
	struct in6_addr source;	/* what the kernel takes, IPv4 mapped, or :: */
	int oifs[2];		/* of the first two next hops */
	unsigned int paths;
	u8 type;
	u8 protocol;
	bool gateway;		/* whether the next hop chosen is one */
	bool chosen;		/* whether each socket may have another source */
};

int xl_fib_lookup4(int iif, __be32 src, __be32 dst,
		   struct xl_fib_answer *answer);
int xl_fib_table_lookup4(u32 table, __be32 dst, struct xl_fib_answer *answer);
int xl_fib_lookup6(int iif, const struct in6_addr *src,
		   const struct in6_addr *dst, struct xl_fib_answer *answer);
int xl_fib_table_lookup6(u32 table, const struct in6_addr *dst,
			 struct xl_fib_answer *answer);
void xl_fib_flush6(void);
void xl_synchronize_rcu_tasks(void);

#endif /* _XL_FIB_H */
