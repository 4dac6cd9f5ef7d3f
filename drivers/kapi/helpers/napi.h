/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NAPI instances.
 */
#ifndef _XL_HELPERS_NAPI_H
#define _XL_HELPERS_NAPI_H

#include <linux/netdevice.h>

void xl_netif_napi_add(struct net_device *dev, struct napi_struct *napi,
		       int (*poll)(struct napi_struct *napi, int budget));
void xl_netif_napi_del(struct napi_struct *napi);
struct net_device *xl_napi_netdev(const struct napi_struct *napi);
bool xl_napi_busy_polling(const struct napi_struct *napi);
void xl_napi_gro_flush(struct napi_struct *napi);
unsigned int xl_napi_id(const struct napi_struct *napi);
void xl_napi_busy_loop_ends(void);
void xl_napi_busy_loop_ended(void);
void xl_napi_schedule(struct napi_struct *napi);
void xl_napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb);

#endif /* _XL_HELPERS_NAPI_H */
