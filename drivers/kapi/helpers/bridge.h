/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What dom0's kernel does with the frames of guests: linked into dom0's module
 * alone.
 */
#ifndef _XL_BRIDGE_H
#define _XL_BRIDGE_H

#include <linux/types.h>

/* One vif, as the kernel has it attached. */
struct xl_vif {
	/* Whose it is, and which of that guest's. */
	u32 guest;
	u32 handle;
	/* Index of the Linux bridge whose port it is, 0 if there is none. */
	u32 bridge;
	/* The VLAN that the bridge puts untagged frames into, 0 for none. */
	u16 pvid;
	bool up;
	bool forwarding;
	bool isolated;
	bool locked;
	bool flooded;
	/* The bridge filters VLANs, and has a spanning tree for each. */
	bool vlan_filtering;
	bool vlan_trees;
	/* Frames of the VLAN `pvid` leave by this port untagged. */
	bool untagged;
	/* What looks at frames on the vif itself. */
	bool qdisc;
	bool tc;
	bool xdp;
	bool netfilter;
};

/* What looks at bridged frames, whatever the bridge. */
struct xl_bridge_filters {
	/* nftables' bridge family, ebtables, BPF. */
	bool bridge;
	/*
	 * IP and ARP filters that br_netfilter shows bridged frames to: those
	 * of nftables, whose rules userspace can judge, and others.
	 */
	bool nftables;
	bool ip;
};

void xl_vifs(void (*each)(void *arg, const struct xl_vif *vif), void *arg);
void xl_bridge_filters(struct xl_bridge_filters *filters);

#endif /* _XL_BRIDGE_H */
