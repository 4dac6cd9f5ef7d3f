// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/ipv6.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "ndisc.h"

static void look_at(struct xl_ndp_tap *tap, const struct sk_buff *skb)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);
	struct xl_ndp_message message = {
		.source = hdr->saddr,
		.destination = hdr->daddr,
		.ifindex = inet6_iif(skb),
		.hop_limit = hdr->hop_limit,
		.len = skb->len,
	};

	/* What is longer, or has no Ethernet header, is of no interest. */
	if (skb->len > sizeof(message.bytes) ||
	    !skb_mac_header_was_set(skb) ||
	    skb_network_offset(skb) - skb_mac_offset(skb) != ETH_HLEN ||
	    skb_copy_bits(skb, 0, message.bytes, skb->len))
		return;
	ether_addr_copy(message.sender, eth_hdr(skb)->h_source);
	tap->told(tap, &message);
}

static void xl_ndp_data_ready(struct sock *sk)
{
	struct xl_ndp_tap *tap;
	struct sk_buff *skb;

	read_lock_bh(&sk->sk_callback_lock);
	tap = sk->sk_user_data;
	while ((skb = skb_dequeue(&sk->sk_receive_queue))) {
		if (tap)
			look_at(tap, skb);
		consume_skb(skb);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/*
 * A packet tap for IPv6 would have every packet cloned that IPv6 receives
 * after it; a raw socket costs those nothing that it is not for, and gets
 * what was checked, behind whatever extension headers.
 */
int xl_ndp_open(struct xl_ndp_tap *tap)
{
	struct icmp6_filter *filter;
	struct sock *sk;
	int err;

	if (!ipv6_mod_enabled())
		return -EAFNOSUPPORT;
	err = sock_create_kern(&init_net, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6,
			       &tap->sock);
	if (err)
		return err;
	sk = tap->sock->sk;
	/* A bit that is set blocks the type; what slipped in before is read. */
	filter = &raw6_sk(sk)->filter;
	memset(filter, 0xff, sizeof(*filter));
	filter->data[NDISC_NEIGHBOUR_SOLICITATION / 32] &=
		~(BIT(NDISC_NEIGHBOUR_SOLICITATION % 32) |
		  BIT(NDISC_NEIGHBOUR_ADVERTISEMENT % 32));
	BUILD_BUG_ON(NDISC_NEIGHBOUR_SOLICITATION / 32 !=
		     NDISC_NEIGHBOUR_ADVERTISEMENT / 32);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = tap;
	sk->sk_data_ready = xl_ndp_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);
	return 0;
}

/* Waits for a call of the tap's function that is under way. */
void xl_ndp_close(struct xl_ndp_tap *tap)
{
	struct sock *sk = tap->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	sock_release(tap->sock);
}

void xl_ndp_solicit(struct net_device *dev, const struct in6_addr *source,
		    const struct in6_addr *target, bool unicast)
{
	struct in6_addr group;
	struct sk_buff *skb;

	if (!ipv6_mod_enabled())
		return;
	skb = ndisc_ns_create(dev, target, source, 0);
	if (!skb)
		return;
	addrconf_addr_solict_mult(target, &group);
	ndisc_send_skb(skb, unicast ? target : &group, source);
}
