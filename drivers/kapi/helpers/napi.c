// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/preempt.h>
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
	/*
	 * Who let go of the instance, or keeps its interrupts off, may have
	 * been about to start its timer when napi_disable() cancelled that.
	 * netif_napi_del() waited for all of them.
	 */
	hrtimer_cancel(&napi->timer);
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

unsigned int xl_napi_id(const struct napi_struct *napi)
{
	return napi->napi_id;
}

/*
 * For the callback of napi_busy_loop() that ends the loop, and for after that.
 *
 * The core turns preemption on before it leaves its RCU read-side critical
 * section. Preempted there, a thread of the idle policy would hold up grace
 * periods for as long as others want the CPU. What is left is an interrupt
 * between the callback and the core's own look at whether to reschedule.
 */
void xl_napi_busy_loop_ends(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
}

void xl_napi_busy_loop_ended(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

void xl_napi_schedule(struct napi_struct *napi)
{
	napi_schedule(napi);
}

void xl_napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
}
