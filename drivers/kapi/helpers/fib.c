// SPDX-License-Identifier: GPL-2.0
#include <linux/inetdevice.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <net/ip_fib.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/nexthop.h>

#include "fib.h"

/* Under RCU */
static void describe(const struct fib_result *res, struct xl_fib_answer *answer)
{
	struct fib_info *fi = res->fi;
	const struct fib_nh_common *nhc;
	__be32 source = fi->fib_prefsrc;
	unsigned int i;

	memset(answer, 0, sizeof(*answer));
	answer->table = res->table->tb_id;
	answer->type = res->type;
	answer->protocol = fi->fib_protocol;
	answer->next_hops = fi->nh ? fi->nh->id : 0;
	answer->paths = fib_info_num_path(fi);
	for (i = 0; i < answer->paths && i < ARRAY_SIZE(answer->oifs); i++) {
		nhc = fib_info_nhc(fi, i);
		/* A group may have fewer by now. */
		answer->oifs[i] = nhc ? nhc->nhc_oif : 0;
	}
	if (res->nhc) {
		answer->gateway = res->nhc->nhc_gw_family != AF_UNSPEC;
		/* As fib_result_prefsrc(), which is not exported */
		if (!source && res->nhc->nhc_dev)
			source = inet_select_addr(res->nhc->nhc_dev, 0,
						  fi->fib_scope);
	}
	if (source)
		ipv6_addr_set_v4mapped(source, &answer->source);
}

int xl_fib_lookup4(int iif, __be32 src, __be32 dst,
		   struct xl_fib_answer *answer)
{
	struct flowi4 flow = {
		.flowi4_iif = iif,
		.saddr = src,
		.daddr = dst,
	};
	struct fib_result res = { };
	int err;

	rcu_read_lock();
	err = __fib_lookup(&init_net, &flow, &res, FIB_LOOKUP_NOREF);
	if (!err)
		describe(&res, answer);
	rcu_read_unlock();
	return err;
}

int xl_fib_table_lookup4(u32 table, __be32 dst, struct xl_fib_answer *answer)
{
	unsigned int hash = table & (FIB_TABLE_HASHSZ - 1);
	struct flowi4 flow = { .daddr = dst };
	struct fib_result res = { };
	struct fib_table *tb;
	int err = -ESRCH;

	rcu_read_lock();
	/* As fib_get_table(), which is not exported */
	hlist_for_each_entry_rcu(tb, &init_net.ipv4.fib_table_hash[hash],
				 tb_hlist) {
		if (tb->tb_id != table)
			continue;
		err = fib_table_lookup(tb, &flow, &res, FIB_LOOKUP_NOREF);
		if (!err)
			describe(&res, answer);
		break;
	}
	rcu_read_unlock();
	return err;
}

void xl_synchronize_rcu_tasks(void)
{
	synchronize_rcu_tasks();
}
