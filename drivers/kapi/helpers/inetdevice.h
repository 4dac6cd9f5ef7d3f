/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP configuration of devices.
 */
#ifndef _XL_HELPERS_INETDEVICE_H
#define _XL_HELPERS_INETDEVICE_H

#include <linux/inetdevice.h>
#include <net/if_inet6.h>

struct net_device *xl_ifaddr_netdev(const struct in_ifaddr *ifa);
struct in_device *xl_in_dev_get_rtnl(const struct net_device *dev);
unsigned int xl_netdev_ipv6_addresses(const struct net_device *dev,
				      struct in6_addr *addresses,
				      unsigned int room, bool *pending);
bool xl_ipv6_is_on(int ifindex);
int xl_inet6_ifaddr_ifindex(const struct inet6_ifaddr *ifa);

#endif /* _XL_HELPERS_INETDEVICE_H */
