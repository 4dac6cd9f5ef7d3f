/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a net device is like, out of line for bindgen.  Nothing here decides
 * anything.
 */
#ifndef _XL_HELPERS_NETDEVICE_H
#define _XL_HELPERS_NETDEVICE_H

#include <linux/inetdevice.h>
#include <linux/netdevice.h>

struct net *xl_netdev_net(const struct net_device *dev);
bool xl_netif_carrier_ok(const struct net_device *dev);
bool xl_netdev_is_registered(const struct net_device *dev);
bool xl_netdev_has_native_xdp(const struct net_device *dev);
struct net_device *xl_notifier_netdev(const struct netdev_notifier_info *info);
struct net_device *xl_ifaddr_netdev(const struct in_ifaddr *ifa);

#endif /* _XL_HELPERS_NETDEVICE_H */
