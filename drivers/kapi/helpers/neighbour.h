/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's neighbour entries, of both families.
 */
#ifndef _XL_HELPERS_NEIGHBOUR_H
#define _XL_HELPERS_NEIGHBOUR_H

#include <linux/in6.h>
#include <linux/netdevice.h>
#include <net/neighbour.h>

bool xl_neigh_in_use(const struct neighbour *neigh);
int xl_neigh_ifindex(const struct neighbour *neigh);
void xl_neigh_for_each(const struct net_device *dev,
		       void (*take)(void *cookie, const u8 *mac,
				    const struct in6_addr *addr),
		       void *cookie);
void xl_neigh_remember(struct net_device *dev, const struct in6_addr *addr,
		       const u8 *mac);

#endif /* _XL_HELPERS_NEIGHBOUR_H */
