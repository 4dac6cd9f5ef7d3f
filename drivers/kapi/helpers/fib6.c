// SPDX-License-Identifier: GPL-2.0
#include <linux/ipv6.h>
#include <linux/rcupdate.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/net_namespace.h>
#include <net/nexthop.h>

#include "fib.h"

/*
 * The kernel caches what a lookup found with the next hop, and finds that for
 * all routes that lead there.  With this flag it is made anew.
 */
#define OF_THIS_ROUTE FLOWI_FLAG_KNOWN_NH

/*
 * What a lookup found is told by the entry of the table that the route comes
 * from, but for what a redirect may have put in between.  Gives up the count
 * on the route.
 */
static int describe(struct dst_entry *dst, const struct in6_addr *daddr,
		    struct xl_fib_answer *answer)
{
	const struct rt6_info *rt = dst_rt6_info(dst);
	const struct fib_nh_common *nhc;
	struct fib6_info *from;
	int err = dst->error;
	unsigned int i;

	memset(answer, 0, sizeof(*answer));
	rcu_read_lock();
	from = rcu_dereference(rt->from);
	if (!err && !from)
		err = -ENETUNREACH;
	if (err)
		goto out;
	answer->table = from->fib6_table->tb6_id;
	answer->type = rt->rt6i_flags & (RTF_LOCAL | RTF_ANYCAST) ?
		       RTN_LOCAL : from->fib6_type;
	answer->protocol = from->fib6_protocol;
	answer->gateway = rt->rt6i_flags & RTF_GATEWAY;
	if (from->nh) {
		answer->next_hops = from->nh->id;
		answer->paths = nexthop_num_path(from->nh);
		for (i = 0; i < answer->paths && i < ARRAY_SIZE(answer->oifs);
		     i++) {
			nhc = nexthop_fib_nhc(from->nh, i);
			/* A group may have fewer by now. */
			answer->oifs[i] = nhc ? nhc->nhc_oif : 0;
		}
	} else {
		answer->paths = 1 + READ_ONCE(from->fib6_nsiblings);
		answer->oifs[0] = dst_dev_rcu(dst)->ifindex;
	}
	answer->chosen = !from->fib6_prefsrc.plen;
	/* Without one it stays unspecified. */
	if (ip6_route_get_saddr(&init_net, from, daddr, 0, 0, &answer->source))
		answer->source = in6addr_any;
out:
	rcu_read_unlock();
	dst_release(dst);
	return err;
}

int xl_fib_lookup6(int iif, const struct in6_addr *src,
		   const struct in6_addr *dst, struct xl_fib_answer *answer)
{
	bool any = ipv6_addr_any(src);
	struct flowi6 flow = {
		.flowi6_iif = iif,
		.flowi6_flags = OF_THIS_ROUTE,
		.saddr = *src,
		.daddr = *dst,
	};
	struct dst_entry *found;

	if (!ipv6_mod_enabled())
		return -EAFNOSUPPORT;
	/*
	 * The second is the same lookup for a packet that came in, in which
	 * routes through the device that it came by would be preferred.
	 */
	if (iif == LOOPBACK_IFINDEX)
		found = ip6_route_output_flags(&init_net, NULL, &flow, 0);
	else
		found = ip6_route_input_lookup(&init_net,
					       init_net.loopback_dev, &flow,
					       NULL,
					       any ? 0 : RT6_LOOKUP_F_HAS_SADDR);
	return describe(found, dst, answer);
}

int xl_fib_table_lookup6(u32 table, const struct in6_addr *dst,
			 struct xl_fib_answer *answer)
{
	struct flowi6 flow = {
		.flowi6_flags = OF_THIS_ROUTE,
		.daddr = *dst,
	};
	struct fib6_table *tb;
	struct rt6_info *found;

	if (!ipv6_mod_enabled())
		return -EAFNOSUPPORT;
	/* Tables, once made, stay. */
	tb = fib6_get_table(&init_net, table);
	if (!tb)
		return -ESRCH;
	found = ip6_pol_route(&init_net, tb, 0, &flow, NULL, 0);
	return describe(&found->dst, dst, answer);
}

void xl_fib_flush6(void)
{
	rt_genid_bump_ipv6(&init_net);
}
