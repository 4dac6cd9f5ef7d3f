// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/preempt.h>
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

bool xl_irq_affinity_is(unsigned int irq, unsigned int cpu)
{
	const struct cpumask *mask = irq_get_affinity_mask(irq);

	return mask && cpumask_equal(mask, cpumask_of(cpu));
}

bool xl_irq_affinity_is_any(unsigned int irq)
{
	const struct cpumask *mask = irq_get_affinity_mask(irq);

	return mask && cpumask_subset(cpu_online_mask, mask);
}

int xl_irq_watch_affinity(unsigned int irq, struct irq_affinity_notify *notify)
{
	return irq_set_affinity_notifier(irq, notify);
}

int xl_irq_set_affinity(unsigned int irq, unsigned int cpu)
{
	return irq_set_affinity(irq, cpumask_of(cpu));
}

/* The callee asks which CPU it is on. */
void xl_irq_lateeoi(unsigned int irq, unsigned int flags)
{
	preempt_disable();
	xen_irq_lateeoi(irq, flags);
	preempt_enable();
}
