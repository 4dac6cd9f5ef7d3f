// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/addrconf.h>
#include <net/busy_poll.h>
#include <net/dst.h>
#include <net/gro.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/ip_tunnels.h>
#include <net/pkt_sched.h>
#include <xen/events.h>
#include <xen/page.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "helpers.h"

u32 xl_virt_load_acquire(const u32 *p)
{
	/* Pairs with the release of the peer, in another kernel. */
	return virt_load_acquire(p);
}

void xl_virt_store_release(u32 *p, u32 value)
{
	/* Pairs with the acquire of the peer, in another kernel. */
	virt_store_release(p, value);
}

void xl_virt_mb(void)
{
	/* Pairs with the same in the peer: publish, then look who waits. */
	virt_mb();
}

void xl_copy_from_peer(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}

void xl_init_delayed_work(struct delayed_work *work, work_func_t func)
{
	INIT_DELAYED_WORK(work, func);
}

struct kthread_worker *xl_kthread_run_worker(const char *name)
{
	return kthread_run_worker(0, "%s", name);
}

void xl_kthread_init_work(struct kthread_work *work, kthread_work_func_t func)
{
	kthread_init_work(work, func);
}

void xl_local_bh_disable(void)
{
	local_bh_disable();
}

void xl_local_bh_enable(void)
{
	local_bh_enable();
}

unsigned int xl_num_online_cpus(void)
{
	return num_online_cpus();
}

unsigned int xl_num_possible_cpus(void)
{
	return num_possible_cpus();
}

struct net_device *xl_alloc_netdev(int priv_size, const char *name,
				   void (*setup)(struct net_device *dev),
				   unsigned int queues)
{
	return alloc_netdev_mqs(priv_size, name, NET_NAME_PREDICTABLE, setup,
				queues, queues);
}

void *xl_netdev_priv(const struct net_device *dev)
{
	return netdev_priv(dev);
}

void xl_netdev_setup_l3(struct net_device *dev,
			const struct net_device_ops *netdev_ops,
			const struct ethtool_ops *ethtool_ops,
			netdev_features_t features, unsigned int tso_max_size)
{
	dev->netdev_ops = netdev_ops;
	dev->ethtool_ops = ethtool_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->tx_queue_len = DEFAULT_TX_QUEUE_LEN;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->netns_immutable = true;
	dev->features |= features;
	dev->hw_features |= features;
	netif_keep_dst(dev);
	netif_set_tso_max_size(dev, tso_max_size);
	netdev_lockdep_set_classes(dev);
}

void xl_netdev_set_mtu(struct net_device *dev, unsigned int mtu)
{
	dev->mtu = mtu;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = mtu;
}

int xl_netdev_ifindex(const struct net_device *dev)
{
	return dev->ifindex;
}

const char *xl_netdev_name(const struct net_device *dev)
{
	return netdev_name(dev);
}

unsigned int xl_netdev_tx_queues(const struct net_device *dev)
{
	return dev->num_tx_queues;
}

const unsigned char *xl_netdev_ether_addr(const struct net_device *dev)
{
	return dev->type == ARPHRD_ETHER ? dev->dev_addr : NULL;
}

bool xl_netif_running(const struct net_device *dev)
{
	return netif_running(dev);
}

bool xl_netif_is_netfront(const struct net_device *dev)
{
	const struct device *parent = dev->dev.parent;

	return parent && parent->bus && !strcmp(parent->bus->name, "xen") &&
	       !strcmp(to_xenbus_device(parent)->devicetype, "vif");
}

struct net *xl_init_net(void)
{
	return &init_net;
}

struct net_device *xl_next_netdev(struct net_device *dev)
{
	return dev ? next_net_device(dev) : first_net_device(&init_net);
}

void xl_dev_hold(struct net_device *dev)
{
	dev_hold(dev);
}

void xl_dev_put(struct net_device *dev)
{
	dev_put(dev);
}

void xl_netif_tx_stop_queue(struct net_device *dev, unsigned int queue)
{
	netif_tx_stop_queue(netdev_get_tx_queue(dev, queue));
}

void xl_netif_tx_wake_queue(struct net_device *dev, unsigned int queue)
{
	netif_tx_wake_queue(netdev_get_tx_queue(dev, queue));
}

bool xl_netif_tx_queue_stopped(struct net_device *dev, unsigned int queue)
{
	return netif_tx_queue_stopped(netdev_get_tx_queue(dev, queue));
}

bool xl_netdev_xmit_more(void)
{
	return netdev_xmit_more();
}

void xl_tstats_rx(struct net_device *dev, unsigned int len)
{
	dev_sw_netstats_rx_add(dev, len);
}

void xl_tstats_tx(struct net_device *dev, unsigned int len)
{
	dev_sw_netstats_tx_add(dev, 1, len);
}

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

u16 xl_skb_protocol(const struct sk_buff *skb)
{
	return be16_to_cpu(skb->protocol);
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

int xl_virtio_net_hdr_to_skb(struct sk_buff *skb,
			     const struct virtio_net_hdr *hdr)
{
	return virtio_net_hdr_to_skb(skb, hdr, true);
}

void xl_skb_tx_timestamp(struct sk_buff *skb)
{
	skb_tx_timestamp(skb);
}

void xl_kfree_skb(struct sk_buff *skb)
{
	kfree_skb(skb);
}

u16 xl_skb_get_queue_mapping(const struct sk_buff *skb)
{
	return skb_get_queue_mapping(skb);
}

struct in_device *xl_in_dev_get_rtnl(const struct net_device *dev)
{
	return __in_dev_get_rtnl(dev);
}

void xl_in6_dev_no_autoconf(const struct net_device *dev)
{
	struct inet6_dev *in6_dev = __in6_dev_get(dev);

	if (in6_dev)
		in6_dev->cnf.addr_gen_mode = IN6_ADDR_GEN_MODE_NONE;
}

bool xl_xen_domain(void)
{
	return xen_domain();
}

bool xl_xen_initial_domain(void)
{
	return xen_initial_domain();
}

void *xl_page_address(const struct page *page)
{
	return page_address(page);
}

unsigned long xl_page_to_gfn(struct page *page)
{
	return xen_page_to_gfn(page);
}

void xl_gnttab_set_map_ro(struct gnttab_map_grant_ref *op, void *addr,
			  grant_ref_t ref, domid_t domid)
{
	gnttab_set_map_op(op, (phys_addr_t)(unsigned long)addr,
			  GNTMAP_host_map | GNTMAP_readonly, ref, domid);
}

void xl_gnttab_set_unmap_ro(struct gnttab_unmap_grant_ref *op, void *addr,
			    grant_handle_t handle)
{
	gnttab_set_unmap_op(op, (phys_addr_t)(unsigned long)addr,
			    GNTMAP_host_map | GNTMAP_readonly, handle);
}

int xl_evtchn_alloc_unbound(domid_t remote, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound op = {
		.dom = DOMID_SELF,
		.remote_dom = remote,
	};
	int err = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &op);

	*port = op.port;
	return err;
}

int xl_evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port,
			       evtchn_port_t *port)
{
	struct evtchn_bind_interdomain op = {
		.remote_dom = remote,
		.remote_port = remote_port,
	};
	int err = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &op);

	*port = op.local_port;
	return err;
}

/* The domain that an open port leads to; false if it is closed, or leads to none. */
bool xl_evtchn_remote(evtchn_port_t port, domid_t *remote)
{
	struct evtchn_status op = {
		.dom = DOMID_SELF,
		.port = port,
	};

	if (HYPERVISOR_event_channel_op(EVTCHNOP_status, &op))
		return false;
	switch (op.status) {
	case EVTCHNSTAT_unbound:
		*remote = op.u.unbound.dom;
		return true;
	case EVTCHNSTAT_interdomain:
		*remote = op.u.interdomain.dom;
		return true;
	default:
		return false;
	}
}

void xl_evtchn_close(evtchn_port_t port)
{
	struct evtchn_close op = { .port = port };

	/* xen_evtchn_close() would BUG() if the port is closed already. */
	HYPERVISOR_event_channel_op(EVTCHNOP_close, &op);
}

void xl_evtchn_notify(evtchn_port_t port)
{
	notify_remote_via_evtchn(port);
}

int xl_irq_set_affinity_and_hint(unsigned int irq, unsigned int number)
{
	unsigned int cpu = cpumask_local_spread(number, NUMA_NO_NODE);

	return irq_set_affinity_and_hint(irq, cpumask_of(cpu));
}

void xl_irq_clear_hint(unsigned int irq)
{
	irq_update_affinity_hint(irq, NULL);
}
