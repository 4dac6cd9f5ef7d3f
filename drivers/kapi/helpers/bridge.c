// SPDX-License-Identifier: GPL-2.0
#include <linux/if_bridge.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include <net/sch_generic.h>
#include <xen/xenbus.h>

#include "bridge.h"

/* Names may be changed; the device below a vif may not. */
static const struct xenbus_device *vif_of(const struct net_device *dev)
{
	const struct device *parent = dev->dev.parent;

	if (!parent || !parent->bus || strcmp(parent->bus->name, "xen-backend"))
		return NULL;
	if (strcmp(to_xenbus_device(parent)->devicetype, "vif"))
		return NULL;
	return to_xenbus_device(parent);
}

/*
 * Whether a queueing discipline lets frames pass as if it were not there.  What
 * the kernel attached by itself has no handle, and whatever it is, no limits;
 * filters may have been given to it all the same.
 */
static bool passes(typeof_member(struct net_device, qdisc) qdisc)
{
	static const char * const plain[] = {
		"noqueue", "mq", "pfifo_fast", "pfifo", "bfifo", "fq_codel", "sfq",
	};
	struct tcf_block *block = NULL;

	if (!qdisc)
		return true;
	if (qdisc->ops->cl_ops && qdisc->ops->cl_ops->tcf_block)
		block = qdisc->ops->cl_ops->tcf_block(qdisc, 0, NULL);
	if (block && !list_empty(&block->chain_list))
		return false;
	return !qdisc->handle ||
	       match_string(plain, ARRAY_SIZE(plain), qdisc->ops->id) >= 0;
}

static bool has_qdisc(const struct net_device *dev)
{
	unsigned int i;

	if (!passes(rtnl_dereference(dev->qdisc)))
		return true;
	for (i = 0; i < dev->num_tx_queues; i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(dev, i);

		if (!passes(rtnl_dereference(txq->qdisc_sleeping)))
			return true;
	}
	return false;
}

static bool has_tc(struct net_device *dev)
{
	struct netdev_queue *ingress = dev_ingress_queue(dev);

	if (ingress && rtnl_dereference(ingress->qdisc_sleeping) != &noop_qdisc)
		return true;
#ifdef CONFIG_NET_XGRESS
	if (rcu_access_pointer(dev->tcx_ingress) ||
	    rcu_access_pointer(dev->tcx_egress))
		return true;
#endif
	return false;
}

static bool has_netfilter(const struct net_device *dev)
{
#ifdef CONFIG_NETFILTER_INGRESS
	if (rcu_access_pointer(dev->nf_hooks_ingress))
		return true;
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	if (rcu_access_pointer(dev->nf_hooks_egress))
		return true;
#endif
	return false;
}

/*
 * The bridge module's functions, while there is something to ask it: a module
 * that needed it to be loaded could say nothing where it is not.
 */
struct bridge {
	bool (*mst_enabled)(const struct net_device *bridge);
	bool (*port_flag_is_set)(const struct net_device *dev,
				 unsigned long flag);
	u8 (*port_get_stp_state)(const struct net_device *dev);
	bool (*vlan_enabled)(const struct net_device *bridge);
	int (*vlan_get_info)(const struct net_device *dev, u16 vid,
			     struct bridge_vlan_info *info);
	int (*vlan_get_pvid)(const struct net_device *dev, u16 *pvid);
};

static void bridge_put(const struct bridge *br)
{
	if (br->mst_enabled)
		symbol_put(br_mst_enabled);
	if (br->port_flag_is_set)
		symbol_put(br_port_flag_is_set);
	if (br->port_get_stp_state)
		symbol_put(br_port_get_stp_state);
	if (br->vlan_enabled)
		symbol_put(br_vlan_enabled);
	if (br->vlan_get_info)
		symbol_put(br_vlan_get_info);
	if (br->vlan_get_pvid)
		symbol_put(br_vlan_get_pvid);
}

static bool bridge_get(struct bridge *br)
{
	br->mst_enabled = symbol_get(br_mst_enabled);
	br->port_flag_is_set = symbol_get(br_port_flag_is_set);
	br->port_get_stp_state = symbol_get(br_port_get_stp_state);
	br->vlan_enabled = symbol_get(br_vlan_enabled);
	br->vlan_get_info = symbol_get(br_vlan_get_info);
	br->vlan_get_pvid = symbol_get(br_vlan_get_pvid);
	return br->mst_enabled && br->port_flag_is_set &&
	       br->port_get_stp_state && br->vlan_enabled &&
	       br->vlan_get_info && br->vlan_get_pvid;
}

static void look_at_port(const struct bridge *br, struct net_device *dev,
			 struct xl_vif *vif)
{
	struct net_device *bridge = netdev_master_upper_dev_get(dev);
	struct bridge_vlan_info info;

	/* All bridges of Open vSwitch have one and the same master. */
	if (!bridge || !netif_is_bridge_master(bridge))
		return;
	vif->bridge = bridge->ifindex;
	vif->forwarding = netif_running(bridge) &&
			  br->port_get_stp_state(dev) == BR_STATE_FORWARDING;
	vif->isolated = br->port_flag_is_set(dev, BR_ISOLATED);
	vif->locked = br->port_flag_is_set(dev, BR_PORT_LOCKED | BR_PORT_MAB);
	vif->flooded = br->port_flag_is_set(dev, BR_FLOOD) &&
		       br->port_flag_is_set(dev, BR_BCAST_FLOOD);
	vif->vlan_filtering = br->vlan_enabled(bridge);
	vif->vlan_trees = br->mst_enabled(bridge);
	if (!vif->vlan_filtering || br->vlan_get_pvid(dev, &vif->pvid))
		return;
	if (vif->pvid && !br->vlan_get_info(dev, vif->pvid, &info))
		vif->untagged = info.flags & BRIDGE_VLAN_INFO_UNTAGGED;
}

void xl_vifs(void (*each)(void *arg, const struct xl_vif *vif), void *arg)
{
	struct net_device *dev;
	struct bridge br = {};
	bool loaded;

	ASSERT_RTNL();
	loaded = bridge_get(&br);
	for_each_netdev(&init_net, dev) {
		const struct xenbus_device *xendev = vif_of(dev);
		struct xl_vif vif = {};

		/* The device's node ends in its guest and its handle. */
		if (!xendev ||
		    sscanf(xendev->nodename, "backend/vif/%u/%u",
			   &vif.guest, &vif.handle) != 2)
			continue;
		vif.up = netif_running(dev) && netif_carrier_ok(dev);
		vif.qdisc = has_qdisc(dev);
		vif.tc = has_tc(dev);
		vif.xdp = dev_xdp_prog_count(dev) > 0;
		vif.netfilter = has_netfilter(dev);
		if (loaded)
			look_at_port(&br, dev, &vif);
		each(arg, &vif);
	}
	bridge_put(&br);
}

#ifdef CONFIG_NETFILTER_FAMILY_BRIDGE
/* What stands at a hook but filters nothing, by its priority. */
static bool harmless_bridge(const struct nf_hook_ops *ops)
{
	switch (ops->priority) {
	case NF_BR_PRI_BRNF:
	case NF_BR_PRI_LAST:
	case NF_IP_PRI_CONNTRACK:
		break;
	default:
		return false;
	}
	/* BRNF and LAST are br_netfilter's; LAST, like CONNTRACK, conntrack's. */
	return ops->hook_ops_type == NF_HOOK_OP_UNDEFINED &&
	       !(ops->priority == NF_IP_PRI_CONNTRACK &&
		 ops->hooknum == NF_BR_FORWARD);
}

static bool harmless_ip(const struct nf_hook_ops *ops)
{
	if (ops->hook_ops_type != NF_HOOK_OP_UNDEFINED)
		return false;
	switch (ops->priority) {
	case NF_IP_PRI_FIRST: /* br_netfilter sees to it that none comes twice. */
	case NF_IP_PRI_CONNTRACK_DEFRAG:
	case NF_IP_PRI_SELINUX_FIRST:
	case NF_IP_PRI_CONNTRACK:
	case NF_IP_PRI_SELINUX_LAST:
	case NF_IP_PRI_CONNTRACK_HELPER:
	case NF_IP_PRI_LAST - 1: /* IPv6 helpers of conntrack's. */
	case NF_IP_PRI_LAST:
		return true;
	default:
		return false;
	}
}

static bool nftables(const struct nf_hook_ops *ops)
{
	return ops->hook_ops_type == NF_HOOK_OP_NF_TABLES;
}

static bool not_nftables(const struct nf_hook_ops *ops)
{
	return !nftables(ops);
}

static bool harmless_or_nftables(const struct nf_hook_ops *ops)
{
	return nftables(ops) || harmless_ip(ops);
}

static bool any_filter(const struct nf_hook_entries __rcu *hooks,
		       bool (*harmless)(const struct nf_hook_ops *ops))
{
	const struct nf_hook_entries *entries = rcu_dereference(hooks);
	struct nf_hook_ops **ops;
	unsigned int i;

	if (!entries)
		return false;
	ops = nf_hook_entries_get_hook_ops(entries);
	for (i = 0; i < entries->num_hook_entries; i++) {
		if (!harmless(ops[i]))
			return true;
	}
	return false;
}

/* br_netfilter is known by its hook for frames that come in. */
static bool shown_to_ip(const struct netns_nf *nf)
{
	const struct nf_hook_entries *entries;
	struct nf_hook_ops **ops;
	unsigned int i;

	entries = rcu_dereference(nf->hooks_bridge[NF_BR_PRE_ROUTING]);
	if (!entries)
		return false;
	ops = nf_hook_entries_get_hook_ops(entries);
	for (i = 0; i < entries->num_hook_entries; i++) {
		if (ops[i]->priority == NF_BR_PRI_BRNF &&
		    ops[i]->hook_ops_type == NF_HOOK_OP_UNDEFINED)
			return true;
	}
	return false;
}

static void look_at_ip(const struct nf_hook_entries __rcu *hooks,
		       struct xl_bridge_filters *filters)
{
	filters->nftables |= any_filter(hooks, not_nftables);
	filters->ip |= any_filter(hooks, harmless_or_nftables);
}

void xl_bridge_filters(struct xl_bridge_filters *filters)
{
	static const int bridge_hooks[] = {
		NF_BR_PRE_ROUTING, NF_BR_FORWARD, NF_BR_POST_ROUTING,
	};
	static const int ip_hooks[] = {
		NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING,
	};
	const struct netns_nf *nf = &init_net.nf;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < ARRAY_SIZE(bridge_hooks); i++)
		filters->bridge |= any_filter(nf->hooks_bridge[bridge_hooks[i]],
					      harmless_bridge);
	if (shown_to_ip(nf)) {
		for (i = 0; i < ARRAY_SIZE(ip_hooks); i++) {
			look_at_ip(nf->hooks_ipv4[ip_hooks[i]], filters);
			look_at_ip(nf->hooks_ipv6[ip_hooks[i]], filters);
		}
#ifdef CONFIG_NETFILTER_FAMILY_ARP
		look_at_ip(nf->hooks_arp[NF_ARP_FORWARD], filters);
#endif
	}
	rcu_read_unlock();
}
#else
/* Such a kernel has no hooks for a bridge's frames, and shows them to nobody. */
void xl_bridge_filters(struct xl_bridge_filters *filters)
{
}
#endif
