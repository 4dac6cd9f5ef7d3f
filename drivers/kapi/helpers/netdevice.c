// SPDX-License-Identifier: GPL-2.0
#include <linux/inetdevice.h>
#include <linux/netdevice.h>

#include "netdevice.h"

struct net *xl_netdev_net(const struct net_device *dev)
{
	return dev_net(dev);
}

bool xl_netif_carrier_ok(const struct net_device *dev)
{
	return netif_carrier_ok(dev);
}

bool xl_netdev_is_registered(const struct net_device *dev)
{
	return dev->reg_state == NETREG_REGISTERED;
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

struct net_device *xl_ifaddr_netdev(const struct in_ifaddr *ifa)
{
	return ifa->ifa_dev->dev;
}
