/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's neighbour entries for IPv4.
 */
#ifndef _XL_HELPERS_NEIGHBOUR_H
#define _XL_HELPERS_NEIGHBOUR_H

#include <linux/netdevice.h>
#include <net/neighbour.h>

bool xl_neigh_in_use(const struct neighbour *neigh);
int xl_neigh_ifindex(const struct neighbour *neigh);
void xl_neigh_for_each(const struct net_device *dev,
		       void (*take)(void *cookie, const u8 *mac, __be32 addr),
		       void *cookie);

#endif /* _XL_HELPERS_NEIGHBOUR_H */
