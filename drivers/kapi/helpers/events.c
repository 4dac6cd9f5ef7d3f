// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <xen/events.h>
#include <xen/interface/event_channel.h>
#include <asm/xen/hypercall.h>

#include "events.h"

int xl_event_channel_op(int cmd, void *op)
{
	return HYPERVISOR_event_channel_op(cmd, op);
}

void xl_evtchn_notify(evtchn_port_t port)
{
	notify_remote_via_evtchn(port);
}

int xl_irq_set_affinity_and_hint(unsigned int irq, unsigned int cpu)
{
	return irq_set_affinity_and_hint(irq, cpumask_of(cpu));
}

void xl_irq_clear_hint(unsigned int irq)
{
	irq_update_affinity_hint(irq, NULL);
}
