/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes of packets and their way out of another device.
 */
#ifndef _XL_HELPERS_REROUTE_H
#define _XL_HELPERS_REROUTE_H

#include <linux/skbuff.h>
#include <net/route.h>

u16 xl_skb_route_family(const struct sk_buff *skb);
u8 xl_skb_gateway4(const struct sk_buff *skb, __be32 *gateway);
bool xl_skb_next_hop6(const struct sk_buff *skb, const struct in6_addr *daddr,
		      struct in6_addr *next_hop);
int xl_skb_dst_ifindex(const struct sk_buff *skb);
bool xl_skb_needs_xfrm(const struct sk_buff *skb);
u32 xl_skb_mark(const struct sk_buff *skb);
bool xl_pskb_may_pull(struct sk_buff *skb, unsigned int len);
bool xl_dev_xmit_recursion(void);
int xl_rt_ifindex(const struct rtable *rt);
u16 xl_rt_type(const struct rtable *rt);
struct dst_entry *xl_rt_dst(struct rtable *rt);
void xl_dst_release(struct dst_entry *dst);
struct dst_entry *xl_skb_route6(const struct sk_buff *skb,
				const struct in6_addr *next_hop, int ifindex);
int xl_skb_output(struct sk_buff *skb, struct dst_entry *dst);

#endif /* _XL_HELPERS_REROUTE_H */
