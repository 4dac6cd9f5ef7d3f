/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event channels and their interrupts.
 */
#ifndef _XL_HELPERS_EVENTS_H
#define _XL_HELPERS_EVENTS_H

#include <xen/interface/event_channel.h>

int xl_event_channel_op(int cmd, void *op);
void xl_evtchn_notify(evtchn_port_t port);
int xl_irq_set_affinity_and_hint(unsigned int irq, unsigned int cpu);
void xl_irq_clear_hint(unsigned int irq);

#endif /* _XL_HELPERS_EVENTS_H */
