/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets.
 */
#ifndef _XL_HELPERS_SKBUFF_H
#define _XL_HELPERS_SKBUFF_H

#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>

u16 xl_skb_protocol(const struct sk_buff *skb);
u32 xl_skb_flow_hash(const struct sk_buff *skb, const siphash_key_t *key);
void *xl_skb_frag(const struct sk_buff *skb, unsigned int i,
		  unsigned int *len);
unsigned int xl_skb_frags(const struct sk_buff *skb);
unsigned int xl_skb_headlen(const struct sk_buff *skb);
void xl_skb_set_data_len(struct sk_buff *skb, unsigned int len);
int xl_virtio_net_hdr_from_skb(const struct sk_buff *skb,
			       struct virtio_net_hdr *hdr);
void xl_skb_tx_timestamp(struct sk_buff *skb);
u16 xl_skb_get_queue_mapping(const struct sk_buff *skb);
struct net_device *xl_skb_dev(const struct sk_buff *skb);
unsigned int xl_skb_pkt_type(const struct sk_buff *skb);
struct sk_buff *xl_skb_share_check(struct sk_buff *skb);
struct sk_buff *xl_alloc_skb_linear(struct napi_struct *napi,
				    unsigned int headroom, unsigned int len);
struct sk_buff *xl_alloc_skb_pages(struct napi_struct *napi,
				   unsigned int headroom, unsigned int linear,
				   unsigned int len);
int xl_skb_complete(struct sk_buff *skb, const struct net_device *nic,
		    const u8 *source, __be16 protocol, u16 queue,
		    const struct virtio_net_hdr *hdr);
void xl_skb_receive_as(struct sk_buff *skb, struct net_device *dev);

#endif /* _XL_HELPERS_SKBUFF_H */
