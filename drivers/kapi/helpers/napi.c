// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <net/busy_poll.h>
#include <net/gro.h>

#include "napi.h"

void xl_netif_napi_add(struct net_device *dev, struct napi_struct *napi,
		       int (*poll)(struct napi_struct *napi, int budget))
{
	netif_napi_add(dev, napi, poll);
}

void xl_netif_napi_del(struct napi_struct *napi)
{
	netif_napi_del(napi);
}

struct net_device *xl_napi_netdev(const struct napi_struct *napi)
{
	return napi->dev;
}

bool xl_napi_busy_polling(const struct napi_struct *napi)
{
	return READ_ONCE(napi->state) & NAPIF_STATE_IN_BUSY_POLL;
}

void xl_napi_gro_flush(struct napi_struct *napi)
{
	napi_gro_flush(napi, false);
}

void xl_napi_busy_loop(const struct napi_struct *napi,
		       bool (*loop_end)(void *arg, unsigned long begun),
		       void *arg, u16 budget)
{
	napi_busy_loop(napi->napi_id, loop_end, arg, false, budget);
}

void xl_napi_schedule(struct napi_struct *napi)
{
	napi_schedule(napi);
}

void xl_napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
}
