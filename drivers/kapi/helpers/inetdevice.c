// SPDX-License-Identifier: GPL-2.0
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>

#include "inetdevice.h"

struct net_device *xl_ifaddr_netdev(const struct in_ifaddr *ifa)
{
	return ifa->ifa_dev->dev;
}

struct in_device *xl_in_dev_get_rtnl(const struct net_device *dev)
{
	return __in_dev_get_rtnl(dev);
}

struct inet6_dev *xl_in6_dev_get(const struct net_device *dev)
{
	return __in6_dev_get(dev);
}

void xl_in6_dev_set_addr_gen_mode(struct inet6_dev *in6_dev, u32 mode)
{
	in6_dev->cnf.addr_gen_mode = mode;
}
