// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>

#include "stats.h"

void xl_tstats_rx(struct net_device *dev, unsigned int len)
{
	dev_sw_netstats_rx_add(dev, len);
}

void xl_tstats_tx(struct net_device *dev, unsigned int len)
{
	dev_sw_netstats_tx_add(dev, 1, len);
}

void xl_rx_dropped(struct net_device *dev)
{
	dev_core_stats_rx_dropped_inc(dev);
}
