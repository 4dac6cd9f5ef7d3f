// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>

#include "stats.h"

void xl_rx_dropped(struct net_device *dev)
{
	dev_core_stats_rx_dropped_inc(dev);
}
