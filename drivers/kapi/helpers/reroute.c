// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "reroute.h"

u16 xl_skb_route_family(const struct sk_buff *skb)
{
	/* What a tunnel leaves with a packet looks like a route, and is none. */
	return skb_valid_dst(skb) ? skb_dst(skb)->ops->family : AF_UNSPEC;
}

static struct rtable *xl_skb_rtable4(const struct sk_buff *skb)
{
	return xl_skb_route_family(skb) == AF_INET ? skb_rtable(skb) : NULL;
}

u8 xl_skb_gateway4(const struct sk_buff *skb, __be32 *gateway)
{
	const struct rtable *rt = xl_skb_rtable4(skb);

	if (!rt)
		return AF_UNSPEC;
	*gateway = rt->rt_gw4;
	return rt->rt_gw_family;
}

bool xl_skb_next_hop6(const struct sk_buff *skb, const struct in6_addr *daddr,
		      struct in6_addr *next_hop)
{
	switch (xl_skb_route_family(skb)) {
	case AF_INET6:
		*next_hop = *rt6_nexthop(dst_rt6_info(skb_dst(skb)), daddr);
		return true;
	case AF_UNSPEC:
		*next_hop = *daddr;
		return true;
	default:
		return false;
	}
}

int xl_skb_dst_ifindex(const struct sk_buff *skb)
{
	return skb_dst_dev(skb)->ifindex;
}

bool xl_skb_needs_xfrm(const struct sk_buff *skb)
{
	return dst_xfrm(skb_dst(skb));
}

u32 xl_skb_mark(const struct sk_buff *skb)
{
	return skb->mark;
}

bool xl_pskb_may_pull(struct sk_buff *skb, unsigned int len)
{
	return pskb_may_pull(skb, len);
}

bool xl_dev_xmit_recursion(void)
{
	return dev_xmit_recursion();
}

int xl_rt_ifindex(const struct rtable *rt)
{
	return dst_dev(&rt->dst)->ifindex;
}

u16 xl_rt_type(const struct rtable *rt)
{
	return rt->rt_type;
}

struct dst_entry *xl_rt_dst(struct rtable *rt)
{
	return &rt->dst;
}

void xl_dst_release(struct dst_entry *dst)
{
	dst_release(dst);
}

struct dst_entry *xl_skb_route6(const struct sk_buff *skb,
				const struct in6_addr *next_hop, int ifindex)
{
	const struct ipv6hdr *hdr = (const struct ipv6hdr *)skb->data;
	struct flowi6 flow = {
		.flowi6_oif = ifindex,
		.flowi6_mark = skb->mark,
		.flowi6_proto = hdr->nexthdr,
		.flowlabel = ip6_flowinfo(hdr),
		.saddr = hdr->saddr,
		.daddr = *next_hop,
	};
	struct dst_entry *dst;

	if (!ipv6_addr_equal(next_hop, &hdr->daddr))
		flow.flowi6_flags = FLOWI_FLAG_KNOWN_NH;
	dst = ip6_route_output_flags(&init_net, NULL, &flow,
				     RT6_LOOKUP_F_IFACE);
	if (!dst->error && dst_dev(dst)->ifindex == ifindex &&
	    !flow.flowi6_l3mdev &&
	    !(dst_rt6_info(dst)->rt6i_flags &
	      (RTF_GATEWAY | RTF_LOCAL | RTF_ANYCAST)))
		return dst;
	dst_release(dst);
	return NULL;
}

int xl_skb_output(struct sk_buff *skb, struct dst_entry *dst)
{
	struct net *net = dev_net(dst_dev(dst));
	int err;

	/* The qdisc of the first device used the same scratch space. */
	memset(skb->cb, 0, sizeof(skb->cb));
	/*
	 * POSTROUTING has seen the packet, with the first device.  Seeing it
	 * once more with another one, NAT would take a masqueraded connection
	 * for one whose address is gone, and end it.
	 */
	if (dst->ops->family == AF_INET6)
		IP6CB(skb)->flags = IP6SKB_REROUTED;
	else
		IPCB(skb)->flags = IPSKB_REROUTED;
	/*
	 * A local sender measured the packet by the first device's MTU.  Were
	 * it told of the other one's now, the kernel would also remember that
	 * as an exception to the route, for minutes.
	 */
	if (skb->sk)
		skb->ignore_df = 1;
	skb_reset_network_header(skb);
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	dev_xmit_recursion_inc();
	/* The socket's control group has counted the packet, so no socket. */
	err = dst_output(net, NULL, skb);
	dev_xmit_recursion_dec();
	return net_xmit_eval(err);
}
