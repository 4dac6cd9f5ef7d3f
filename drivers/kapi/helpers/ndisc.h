/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Neighbor Discovery on other devices.
 */
#ifndef _XL_HELPERS_NDISC_H
#define _XL_HELPERS_NDISC_H

#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/netdevice.h>

/* A solicitation or advertisement that was received */
struct xl_ndp_message {
	struct in6_addr source;
	struct in6_addr destination;
	int ifindex;		/* of the device that it came in by */
	u8 hop_limit;
	u8 sender[ETH_ALEN];
	u8 len;			/* of what follows, from the type on */
	u8 bytes[128];
};

struct xl_ndp_tap {
	struct socket *sock;
	/* Softirq context */
	void (*told)(struct xl_ndp_tap *tap,
		     const struct xl_ndp_message *message);
};

int xl_ndp_open(struct xl_ndp_tap *tap);
void xl_ndp_close(struct xl_ndp_tap *tap);
void xl_ndp_solicit(struct net_device *dev, const struct in6_addr *source,
		    const struct in6_addr *target, bool unicast);

#endif /* _XL_HELPERS_NDISC_H */
