// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/route.h>

#include "reroute.h"

static struct rtable *xl_skb_rtable4(const struct sk_buff *skb)
{
	/* What a tunnel leaves with a packet looks like a route, and is none. */
	if (!skb_valid_dst(skb) || skb_dst(skb)->ops->family != AF_INET)
		return NULL;
	return skb_rtable(skb);
}

bool xl_skb_has_route4(const struct sk_buff *skb)
{
	return xl_skb_rtable4(skb);
}

u8 xl_skb_gateway4(const struct sk_buff *skb, __be32 *gateway)
{
	const struct rtable *rt = xl_skb_rtable4(skb);

	if (!rt)
		return AF_UNSPEC;
	*gateway = rt->rt_gw4;
	return rt->rt_gw_family;
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

void xl_rt_put(struct rtable *rt)
{
	ip_rt_put(rt);
}

int xl_skb_output4(struct sk_buff *skb, struct rtable *rt)
{
	struct net *net = dev_net(dst_dev(&rt->dst));
	int err;

	/* The qdisc of the first device used the same scratch space. */
	memset(skb->cb, 0, sizeof(skb->cb));
	/*
	 * POSTROUTING has seen the packet, with the first device.  Seeing it
	 * once more with another one, NAT would take a masqueraded connection
	 * for one whose address is gone, and end it.
	 */
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
	skb_dst_set(skb, &rt->dst);
	dev_xmit_recursion_inc();
	/* The socket's control group has counted the packet, so no socket. */
	err = dst_output(net, NULL, skb);
	dev_xmit_recursion_dec();
	return net_xmit_eval(err);
}
