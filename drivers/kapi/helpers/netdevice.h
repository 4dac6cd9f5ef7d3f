/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Net devices and their queues.
 */
#ifndef _XL_HELPERS_NETDEVICE_H
#define _XL_HELPERS_NETDEVICE_H

#include <linux/netdevice.h>

struct net_device *xl_alloc_netdev(int priv_size, const char *name,
				   void (*setup)(struct net_device *dev),
				   unsigned int queues);
void *xl_netdev_priv(const struct net_device *dev);
void xl_netdev_setup_l3(struct net_device *dev,
			const struct net_device_ops *netdev_ops,
			const struct ethtool_ops *ethtool_ops,
			const struct netdev_stat_ops *stat_ops,
			netdev_features_t features, unsigned int tso_max_size,
			unsigned int tx_queue_len);
void xl_netdev_lockdep_set_classes(struct net_device *dev);
void xl_netdev_set_mtu(struct net_device *dev, unsigned int mtu);
bool xl_netdev_same_rx_handler(const struct net_device *dev,
			       const struct net_device *other);
int xl_netdev_ifindex(const struct net_device *dev);
const char *xl_netdev_name(const struct net_device *dev);
unsigned int xl_netdev_mtu(const struct net_device *dev);
unsigned int xl_netdev_tx_queues(const struct net_device *dev);
unsigned int xl_netdev_real_tx_queues(const struct net_device *dev);
u16 xl_netdev_type(const struct net_device *dev);
const unsigned char *xl_netdev_addr(const struct net_device *dev);
const struct device *xl_netdev_parent(const struct net_device *dev);
struct net *xl_init_net(void);
bool xl_netdev_is_listed(const struct net_device *dev);
struct net_device *xl_first_net_device(struct net *net);
struct net_device *xl_next_net_device(struct net_device *dev);
void xl_netdev_hold(struct net_device *dev, netdevice_tracker *tracker);
void xl_netdev_tracker_alloc(struct net_device *dev,
			     netdevice_tracker *tracker);
void xl_netdev_put(struct net_device *dev, netdevice_tracker *tracker);
bool xl_netif_running(const struct net_device *dev);
void xl_netif_tx_stop_queue(struct net_device *dev, unsigned int queue);
void xl_netif_tx_wake_queue(struct net_device *dev, unsigned int queue);
bool xl_netif_tx_queue_stopped(struct net_device *dev, unsigned int queue);
bool xl_netdev_xmit_more(void);
int xl_netdev_pick_xps(const struct net_device *dev, const struct sk_buff *skb,
		       u16 first, u16 count, u32 hash);
struct net *xl_netdev_net(const struct net_device *dev);
bool xl_netif_carrier_ok(const struct net_device *dev);
u8 xl_netdev_reg_state(const struct net_device *dev);
bool xl_netdev_has_native_xdp(const struct net_device *dev);
struct net_device *xl_notifier_netdev(const struct netdev_notifier_info *info);

#endif /* _XL_HELPERS_NETDEVICE_H */
