// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <net/flow_dissector.h>

#include "skbuff.h"

u16 xl_skb_protocol(const struct sk_buff *skb)
{
	return be16_to_cpu(skb->protocol);
}

/*
 * As skb_get_hash_perturb(), but that takes the flow label of IPv6 in place of
 * the ports, and by default the label is the hash of the packet's socket, of
 * which each end has its own. What remains is hashed alike in both directions.
 */
u32 xl_skb_flow_hash(const struct sk_buff *skb, const siphash_key_t *key)
{
	struct flow_keys keys;

	skb_flow_dissect_flow_keys(skb, &keys, 0);
	keys.tags.flow_label = 0;
	return flow_hash_from_keys_seed(&keys, key);
}

void *xl_skb_frag(const struct sk_buff *skb, unsigned int i,
		  unsigned int *len)
{
	const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

	*len = skb_frag_size(frag);
	return skb_frag_address(frag);
}

unsigned int xl_skb_frags(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->nr_frags;
}

unsigned int xl_skb_headlen(const struct sk_buff *skb)
{
	return skb_headlen(skb);
}

void xl_skb_set_data_len(struct sk_buff *skb, unsigned int len)
{
	skb->data_len = len;
	skb->len += len;
}

int xl_virtio_net_hdr_from_skb(const struct sk_buff *skb,
			       struct virtio_net_hdr *hdr)
{
	return virtio_net_hdr_from_skb(skb, hdr, true, false, 0);
}

void xl_skb_tx_timestamp(struct sk_buff *skb)
{
	skb_tx_timestamp(skb);
}

u16 xl_skb_get_queue_mapping(const struct sk_buff *skb)
{
	return skb_get_queue_mapping(skb);
}

struct net_device *xl_skb_dev(const struct sk_buff *skb)
{
	return skb->dev;
}

unsigned int xl_skb_pkt_type(const struct sk_buff *skb)
{
	return skb->pkt_type;
}

struct sk_buff *xl_skb_share_check(struct sk_buff *skb)
{
	return skb_share_check(skb, GFP_ATOMIC);
}

struct sk_buff *xl_alloc_skb_linear(struct napi_struct *napi,
				    unsigned int headroom, unsigned int len)
{
	/* It has NET_SKB_PAD bytes of headroom before. */
	struct sk_buff *skb = napi_alloc_skb(napi, headroom + len);

	if (skb)
		skb_reserve(skb, headroom);
	return skb;
}

struct sk_buff *xl_alloc_skb_pages(struct napi_struct *napi,
				   unsigned int headroom, unsigned int linear,
				   unsigned int len)
{
	struct sk_buff *skb;
	int err;

	headroom += NET_SKB_PAD;
	skb = alloc_skb_with_frags(headroom + linear, len,
				   PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_ATOMIC | __GFP_NOWARN);
	if (skb) {
		skb_reserve(skb, headroom);
		skb->dev = napi->dev;
	}
	return skb;
}

static void xl_skb_set_ether_header(struct sk_buff *skb)
{
	skb_set_mac_header(skb, -ETH_HLEN);
	skb_reset_mac_len(skb);
}

int xl_skb_complete(struct sk_buff *skb, const struct net_device *nic,
		    const u8 *source, __be16 protocol, u16 queue,
		    const struct virtio_net_hdr *hdr)
{
	struct ethhdr *eth;
	int err;

	skb->protocol = protocol;
	skb_reset_network_header(skb);
	xl_skb_set_ether_header(skb);
	eth = eth_hdr(skb);
	ether_addr_copy(eth->h_dest, nic->dev_addr);
	ether_addr_copy(eth->h_source, source);
	eth->h_proto = protocol;
	if (queue < READ_ONCE(skb->dev->real_num_rx_queues))
		skb_record_rx_queue(skb, queue);
	err = virtio_net_hdr_to_skb(skb, hdr, true);
	/* The callee takes the network header for the first one. */
	xl_skb_set_ether_header(skb);
	return err;
}

void xl_skb_receive_as(struct sk_buff *skb, struct net_device *dev)
{
	unsigned int queues = READ_ONCE(dev->real_num_rx_queues);

	skb->dev = dev;
	if (!skb_rx_queue_recorded(skb))
		return;
	/* A device that is being unregistered has no queues any more. */
	if (queues)
		skb_record_rx_queue(skb, skb_get_rx_queue(skb) % queues);
	else
		skb_set_queue_mapping(skb, 0);
}
