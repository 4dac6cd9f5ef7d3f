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
struct inet6_dev *xl_in6_dev_get(const struct net_device *dev);
void xl_in6_dev_set_addr_gen_mode(struct inet6_dev *in6_dev, u32 mode);

#endif /* _XL_HELPERS_INETDEVICE_H */
