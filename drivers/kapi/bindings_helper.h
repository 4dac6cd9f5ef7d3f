/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads to make the bindings that the kernel's own `bindings`
 * crate lacks; bindgen_parameters says which items it takes.
 *
 * helpers/ has out-of-line forms of the kernel's static inline functions and
 * macros, which bindgen cannot reach, and access to structures that the kernel's
 * crate knows by name only, by subsystem as the kernel's own rust/helpers/.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <linux/sched/stat.h>
#include <linux/workqueue.h>
#include <net/addrconf.h>
#include <net/arp.h>
#include <net/busy_poll.h>
#include <net/fib_notifier.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/neighbour.h>
#include <net/netdev_queues.h>
#include <net/netevent.h>
#include <net/nexthop.h>
#include <net/route.h>
#include <uapi/linux/if_packet.h>
#include <uapi/linux/virtio_net.h>
#include <xen/events.h>
#include <xen/grant_table.h>
#include <xen/platform_pci.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "helpers/bridge.h"
#include "helpers/cpumask.h"
#include "helpers/events.h"
#include "helpers/fib.h"
#include "helpers/grant_table.h"
#include "helpers/inetdevice.h"
#include "helpers/napi.h"
#include "helpers/ndisc.h"
#include "helpers/neighbour.h"
#include "helpers/netdevice.h"
#include "helpers/reroute.h"
#include "helpers/sched.h"
#include "helpers/shared_memory.h"
#include "helpers/skbuff.h"
#include "helpers/smpboot.h"
#include "helpers/softirq.h"
#include "helpers/stats.h"
#include "helpers/workqueue.h"
#include "helpers/xen.h"
#include "helpers/xenbus.h"
#include "param.h"
#include "trace/xlnet.h"
#include "version.h"
