/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Out-of-line forms of the kernel's static inline functions and macros that
 * bindgen cannot reach, and access to structures that the kernel's `bindings`
 * crate knows by name only.  Nothing here decides anything.
 */
#ifndef _XL_HELPERS_H
#define _XL_HELPERS_H

#include <linux/kthread.h>
#include <linux/netdevice.h>
#include <linux/virtio_net.h>
#include <linux/workqueue.h>
#include <net/ip_fib.h>
#include <net/route.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>

/* Memory shared with another domain */
u32 xl_virt_load_acquire(const u32 *p);
void xl_virt_store_release(u32 *p, u32 value);
void xl_virt_mb(void);
void xl_copy_from_peer(void *to, const void *from, size_t len);

/* Work */
void xl_init_delayed_work(struct delayed_work *work, work_func_t func);

/* Work for a thread of its own */
struct kthread_worker *xl_kthread_run_worker(const char *name);
void xl_kthread_init_work(struct kthread_work *work, kthread_work_func_t func);

/* Bottom halves */
void xl_local_bh_disable(void);
void xl_local_bh_enable(void);

/* CPUs */
unsigned int xl_num_online_cpus(void);
unsigned int xl_num_possible_cpus(void);

/* Net devices, queues, NAPI */
struct net_device *xl_alloc_netdev(int priv_size, const char *name,
				   void (*setup)(struct net_device *dev),
				   unsigned int queues);
void *xl_netdev_priv(const struct net_device *dev);
void xl_netdev_setup_l3(struct net_device *dev,
			const struct net_device_ops *netdev_ops,
			const struct ethtool_ops *ethtool_ops,
			netdev_features_t features, unsigned int tso_max_size);
void xl_netdev_set_mtu(struct net_device *dev, unsigned int mtu);
int xl_netdev_ifindex(const struct net_device *dev);
const char *xl_netdev_name(const struct net_device *dev);
unsigned int xl_netdev_tx_queues(const struct net_device *dev);
const unsigned char *xl_netdev_ether_addr(const struct net_device *dev);
bool xl_netif_running(const struct net_device *dev);
bool xl_netif_is_netfront(const struct net_device *dev);
struct net *xl_init_net(void);
struct net_device *xl_next_netdev(struct net_device *dev);
void xl_dev_hold(struct net_device *dev);
void xl_dev_put(struct net_device *dev);
void xl_netif_tx_stop_queue(struct net_device *dev, unsigned int queue);
void xl_netif_tx_wake_queue(struct net_device *dev, unsigned int queue);
bool xl_netif_tx_queue_stopped(struct net_device *dev, unsigned int queue);
bool xl_netdev_xmit_more(void);
void xl_tstats_rx(struct net_device *dev, unsigned int len);
void xl_tstats_tx(struct net_device *dev, unsigned int len);
void xl_netif_napi_add(struct net_device *dev, struct napi_struct *napi,
		       int (*poll)(struct napi_struct *napi, int budget));
void xl_netif_napi_del(struct napi_struct *napi);
struct net_device *xl_napi_netdev(const struct napi_struct *napi);
bool xl_napi_busy_polling(const struct napi_struct *napi);
void xl_napi_gro_flush(struct napi_struct *napi);
void xl_napi_busy_loop(const struct napi_struct *napi,
		       bool (*loop_end)(void *arg, unsigned long begun),
		       void *arg, u16 budget);
void xl_napi_schedule(struct napi_struct *napi);
void xl_napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb);

/* Socket buffers */
u16 xl_skb_protocol(const struct sk_buff *skb);
void *xl_skb_frag(const struct sk_buff *skb, unsigned int i,
		  unsigned int *len);
unsigned int xl_skb_frags(const struct sk_buff *skb);
unsigned int xl_skb_headlen(const struct sk_buff *skb);
void xl_skb_set_data_len(struct sk_buff *skb, unsigned int len);
int xl_virtio_net_hdr_from_skb(const struct sk_buff *skb,
			       struct virtio_net_hdr *hdr);
int xl_virtio_net_hdr_to_skb(struct sk_buff *skb,
			     const struct virtio_net_hdr *hdr);
void xl_skb_tx_timestamp(struct sk_buff *skb);
void xl_kfree_skb(struct sk_buff *skb);
u16 xl_skb_get_queue_mapping(const struct sk_buff *skb);

/* IP configuration of a device, under RTNL */
struct in_device *xl_in_dev_get_rtnl(const struct net_device *dev);
void xl_in6_dev_no_autoconf(const struct net_device *dev);

/* Xen */
bool xl_xen_domain(void);
bool xl_xen_initial_domain(void);
void *xl_page_address(const struct page *page);
unsigned long xl_page_to_gfn(struct page *page);
void xl_gnttab_set_map_ro(struct gnttab_map_grant_ref *op, void *addr,
			  grant_ref_t ref, domid_t domid);
void xl_gnttab_set_unmap_ro(struct gnttab_unmap_grant_ref *op, void *addr,
			    grant_handle_t handle);
int xl_evtchn_alloc_unbound(domid_t remote, evtchn_port_t *port);
int xl_evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port,
			       evtchn_port_t *port);
bool xl_evtchn_remote(evtchn_port_t port, domid_t *remote);
void xl_evtchn_close(evtchn_port_t port);
void xl_evtchn_notify(evtchn_port_t port);
int xl_irq_set_affinity_and_hint(unsigned int irq, unsigned int number);
void xl_irq_clear_hint(unsigned int irq);

/* The nic= parameter of whichever module this is linked into */
const char *xl_param_nic(void);

#endif /* _XL_HELPERS_H */
