/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event channels and their interrupts.
 */
#ifndef _XL_HELPERS_EVENTS_H
#define _XL_HELPERS_EVENTS_H

#include <linux/interrupt.h>
#include <xen/interface/event_channel.h>

int xl_event_channel_op(int cmd, void *op);
void xl_evtchn_notify(evtchn_port_t port);
bool xl_irq_affinity_is(unsigned int irq, unsigned int cpu);
bool xl_irq_affinity_is_any(unsigned int irq);
int xl_irq_watch_affinity(unsigned int irq, struct irq_affinity_notify *notify);
int xl_irq_set_affinity(unsigned int irq, unsigned int cpu);
void xl_irq_lateeoi(unsigned int irq, unsigned int flags);

#endif /* _XL_HELPERS_EVENTS_H */
