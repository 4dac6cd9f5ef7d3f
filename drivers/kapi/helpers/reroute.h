/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes of packets and their way out of another device.
 */
#ifndef _XL_HELPERS_REROUTE_H
#define _XL_HELPERS_REROUTE_H

#include <linux/skbuff.h>
#include <net/route.h>

bool xl_skb_has_route4(const struct sk_buff *skb);
u8 xl_skb_gateway4(const struct sk_buff *skb, __be32 *gateway);
int xl_skb_dst_ifindex(const struct sk_buff *skb);
bool xl_skb_needs_xfrm(const struct sk_buff *skb);
u32 xl_skb_mark(const struct sk_buff *skb);
bool xl_pskb_may_pull(struct sk_buff *skb, unsigned int len);
bool xl_dev_xmit_recursion(void);
int xl_rt_ifindex(const struct rtable *rt);
u16 xl_rt_type(const struct rtable *rt);
void xl_rt_put(struct rtable *rt);
int xl_skb_output4(struct sk_buff *skb, struct rtable *rt);

#endif /* _XL_HELPERS_REROUTE_H */
