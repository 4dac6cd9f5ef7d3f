// SPDX-License-Identifier: GPL-2.0
#include <linux/ipv6.h>
#include <net/arp.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/net_namespace.h>

#include "neighbour.h"

/*
 * What is sent to it goes to its address, and somebody sent of late.  Another
 * namespace's devices may have the index of one of the initial namespace's.
 */
bool xl_neigh_in_use(const struct neighbour *neigh)
{
	return (neigh->tbl == &arp_tbl || neigh->tbl == &nd_tbl) &&
	       net_eq(dev_net(neigh->dev), &init_net) &&
	       READ_ONCE(neigh->nud_state) &
		       (NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT);
}

int xl_neigh_ifindex(const struct neighbour *neigh)
{
	return neigh->dev->ifindex;
}

struct xl_neigh_walk {
	const struct net_device *dev;
	void (*take)(void *cookie, const u8 *mac, const struct in6_addr *addr);
	void *cookie;
};

static void xl_neigh_take(struct neighbour *neigh, void *data)
{
	const struct xl_neigh_walk *walk = data;
	u8 mac[MAX_ADDR_LEN] = {};
	struct in6_addr addr;

	if (neigh->dev != walk->dev || !xl_neigh_in_use(neigh))
		return;
	if (neigh->tbl == &arp_tbl)
		ipv6_addr_set_v4mapped(*(__be32 *)neigh->primary_key, &addr);
	else
		addr = *(struct in6_addr *)neigh->primary_key;
	neigh_ha_snapshot(mac, neigh, neigh->dev);
	walk->take(walk->cookie, mac, &addr);
}

/* Addresses of IPv4 are mapped into IPv6. */
void xl_neigh_for_each(const struct net_device *dev,
		       void (*take)(void *cookie, const u8 *mac,
				    const struct in6_addr *addr),
		       void *cookie)
{
	struct xl_neigh_walk walk = {
		.dev = dev,
		.take = take,
		.cookie = cookie,
	};

	neigh_for_each(&arp_tbl, xl_neigh_take, &walk);
	/* Of a kernel that was booted without IPv6 there is no such table. */
	if (ipv6_mod_enabled())
		neigh_for_each(&nd_tbl, xl_neigh_take, &walk);
}

/* @mac has as many bytes as any device's address can have. */
void xl_neigh_remember(struct net_device *dev, const struct in6_addr *addr,
		       const u8 *mac)
{
	struct neighbour *neigh = NULL;

	if (ipv6_addr_v4mapped(addr))
		neigh = neigh_lookup(&arp_tbl, &addr->s6_addr32[3], dev);
	else if (ipv6_mod_enabled())
		neigh = neigh_lookup(&nd_tbl, addr, dev);
	if (!neigh)
		return;
	/* Without a flag that says so, it overrides nothing that is valid. */
	neigh_update(neigh, mac, NUD_STALE, 0, 0);
	neigh_release(neigh);
}
