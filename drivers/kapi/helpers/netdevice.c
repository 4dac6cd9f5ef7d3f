// SPDX-License-Identifier: GPL-2.0
#include <linux/if_arp.h>
#include <linux/netdevice.h>
#include <net/ip_tunnels.h>
#include <net/pkt_sched.h>
#include <net/sock.h>

#include "netdevice.h"

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
			const struct netdev_stat_ops *stat_ops,
			netdev_features_t features, unsigned int tso_max_size,
			unsigned int tx_queue_len)
{
	dev->netdev_ops = netdev_ops;
	dev->ethtool_ops = ethtool_ops;
	dev->stat_ops = stat_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	/*
	 * No addresses and router solicitations of its own, nor a route to
	 * multicast groups, which would compete with those of other devices.
	 */
	dev->priv_flags |= IFF_NO_ADDRCONF;
	/* It would send and poll with interrupts off, wherever one prints. */
	dev->priv_flags |= IFF_DISABLE_NETPOLL;
	dev->tx_queue_len = tx_queue_len;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->netns_immutable = true;
	dev->features |= features;
	dev->hw_features |= features;
	netif_keep_dst(dev);
	netif_set_tso_max_size(dev, tso_max_size);
}

void xl_netdev_lockdep_set_classes(struct net_device *dev)
{
	netdev_lockdep_set_classes(dev);
}

void xl_netdev_set_mtu(struct net_device *dev, unsigned int mtu)
{
	dev->mtu = mtu;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = mtu;
}

bool xl_netdev_same_rx_handler(const struct net_device *dev,
			       const struct net_device *other)
{
	return rcu_access_pointer(dev->rx_handler) ==
	       rcu_access_pointer(other->rx_handler);
}

int xl_netdev_ifindex(const struct net_device *dev)
{
	return dev->ifindex;
}

const char *xl_netdev_name(const struct net_device *dev)
{
	return netdev_name(dev);
}

unsigned int xl_netdev_mtu(const struct net_device *dev)
{
	return READ_ONCE(dev->mtu);
}

unsigned int xl_netdev_tx_queues(const struct net_device *dev)
{
	return dev->num_tx_queues;
}

unsigned int xl_netdev_real_tx_queues(const struct net_device *dev)
{
	return READ_ONCE(dev->real_num_tx_queues);
}

u16 xl_netdev_type(const struct net_device *dev)
{
	return dev->type;
}

const unsigned char *xl_netdev_addr(const struct net_device *dev)
{
	return dev->dev_addr;
}

const struct device *xl_netdev_parent(const struct net_device *dev)
{
	return dev->dev.parent;
}

struct net *xl_init_net(void)
{
	return &init_net;
}

/* RTNL is held.  What is coming is listed before anybody is told, what leaves not. */
bool xl_netdev_is_listed(const struct net_device *dev)
{
	return __dev_get_by_index(&init_net, dev->ifindex) == dev;
}

struct net_device *xl_first_net_device(struct net *net)
{
	return first_net_device(net);
}

struct net_device *xl_next_net_device(struct net_device *dev)
{
	return next_net_device(dev);
}

void xl_netdev_hold(struct net_device *dev, netdevice_tracker *tracker)
{
	netdev_hold(dev, tracker, GFP_ATOMIC);
}

void xl_netdev_tracker_alloc(struct net_device *dev,
			     netdevice_tracker *tracker)
{
	netdev_tracker_alloc(dev, tracker, GFP_ATOMIC);
}

void xl_netdev_put(struct net_device *dev, netdevice_tracker *tracker)
{
	netdev_put(dev, tracker);
}

bool xl_netif_running(const struct net_device *dev)
{
	return netif_running(dev);
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

#ifdef CONFIG_XPS
/* As __get_xps_queue_idx(), but among @count queues from @first on alone. */
static int xl_xps_queue(const struct net_device *dev, const struct sk_buff *skb,
			enum xps_map_type type, unsigned int id, u16 first,
			u16 count, u32 hash)
{
	const struct xps_dev_maps *maps = rcu_dereference(dev->xps_maps[type]);
	int tc = netdev_get_prio_tc_map(dev, skb->priority);
	unsigned int len, i, n = 0;
	const struct xps_map *map;

	if (!maps || id >= maps->nr_ids || tc >= maps->num_tc)
		return -1;
	map = rcu_dereference(maps->attr_map[id * maps->num_tc + tc]);
	if (!map)
		return -1;
	/* Queues may be taken out of the map meanwhile. */
	len = READ_ONCE(map->len);
	for (i = 0; i < len; i++)
		n += in_range(READ_ONCE(map->queues[i]), first, count);
	n = reciprocal_scale(hash, n);
	for (i = 0; i < len; i++) {
		u16 queue = READ_ONCE(map->queues[i]);

		if (in_range(queue, first, count) && !n--)
			return queue;
	}
	return -1;
}
#endif

/*
 * netdev_pick_tx() would select among all queues of the device. Those of a
 * packet's peer are @count from @first on.
 */
int xl_netdev_pick_xps(const struct net_device *dev, const struct sk_buff *skb,
		       u16 first, u16 count, u32 hash)
{
	int queue = -1;
#ifdef CONFIG_XPS
	struct sock *sk = skb->sk;
	int before, id;

	if (!rcu_access_pointer(dev->xps_maps[XPS_CPUS]) &&
	    !rcu_access_pointer(dev->xps_maps[XPS_RXQS]))
		return -1;
	/* A flow stays on its queue while packets of it are under way. */
	before = sk_tx_queue_get(sk);
	if (before >= 0 && in_range(before, first, count) && !skb->ooo_okay)
		return before;

	rcu_read_lock();
	id = sk_rx_queue_get(sk);
	if (id >= 0)
		queue = xl_xps_queue(dev, skb, XPS_RXQS, id, first, count,
				     hash);
	if (queue < 0)
		queue = xl_xps_queue(dev, skb, XPS_CPUS, skb->sender_cpu - 1,
				     first, count, hash);
	rcu_read_unlock();

	if (queue >= 0 && sk && sk_fullsock(sk) &&
	    rcu_access_pointer(sk->sk_dst_cache))
		sk_tx_queue_set(sk, queue);
#endif
	return queue;
}

struct net *xl_netdev_net(const struct net_device *dev)
{
	return dev_net(dev);
}

bool xl_netif_carrier_ok(const struct net_device *dev)
{
	return netif_carrier_ok(dev);
}

u8 xl_netdev_reg_state(const struct net_device *dev)
{
	return READ_ONCE(dev->reg_state);
}

bool xl_netdev_has_native_xdp(const struct net_device *dev)
{
	const struct bpf_xdp_entity *state = &dev->xdp_state[XDP_MODE_DRV];

	return state->prog || state->link;
}

struct net_device *xl_notifier_netdev(const struct netdev_notifier_info *info)
{
	return netdev_notifier_info_to_dev(info);
}
