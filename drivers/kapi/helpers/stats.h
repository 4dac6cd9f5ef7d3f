/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A net device's statistics.
 */
#ifndef _XL_HELPERS_STATS_H
#define _XL_HELPERS_STATS_H

#include <linux/netdevice.h>

void xl_tstats_rx(struct net_device *dev, unsigned int len);
void xl_tstats_tx(struct net_device *dev, unsigned int len);
void xl_rx_dropped(struct net_device *dev);

#endif /* _XL_HELPERS_STATS_H */
