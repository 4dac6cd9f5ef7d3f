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

/* With RTNL held */
unsigned int xl_netdev_ipv6_addresses(const struct net_device *dev,
				      struct in6_addr *addresses,
				      unsigned int room, bool *pending)
{
	struct inet6_dev *idev = __in6_dev_get(dev);
	const struct inet6_ifaddr *ifa;
	unsigned int n = 0;

	*pending = false;
	if (!idev)
		return 0;
	read_lock_bh(&idev->lock);
	/*
	 * The kernel puts a new address before those of its scope. If there is no
	 * room for all, the ones that have been there before stay.
	 */
	list_for_each_entry_reverse(ifa, &idev->addr_list, if_list) {
		if (ipv6_addr_type(&ifa->addr) & IPV6_ADDR_LINKLOCAL)
			continue;
		/* An optimistic address is a tentative one, too. */
		if (ifa->flags & IFA_F_DADFAILED)
			continue;
		if (ifa->flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC))
			*pending = true;
		else if (n < room)
			addresses[n++] = ifa->addr;
	}
	read_unlock_bh(&idev->lock);
	return n;
}

bool xl_ipv6_is_on(int ifindex)
{
	const struct net_device *dev;
	const struct inet6_dev *idev;
	bool on;

	rcu_read_lock();
	dev = dev_get_by_index_rcu(&init_net, ifindex);
	/* There is none of a device whose MTU is too small for IPv6. */
	idev = dev ? __in6_dev_get(dev) : NULL;
	on = idev && !READ_ONCE(idev->cnf.disable_ipv6);
	rcu_read_unlock();
	return on;
}

int xl_inet6_ifaddr_ifindex(const struct inet6_ifaddr *ifa)
{
	return ifa->idev->dev->ifindex;
}
