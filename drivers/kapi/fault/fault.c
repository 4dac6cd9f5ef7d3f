// SPDX-License-Identifier: GPL-2.0
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>

#include "fault.h"

static_assert(KSYM_SYMBOL_LEN <= XL_SYMBOL_LEN);

/* What runs in place of a function that fails. */
static noinline notrace void xl_fault_return(void)
{
	barrier();
}

static void xl_fault_post_handler(struct kprobe *probe, struct pt_regs *regs,
				  unsigned long flags)
{
}

void xl_fault_probe_init(struct kprobe *probe, const char *symbol,
			 kprobe_pre_handler_t handler)
{
	*probe = (struct kprobe) {
		.symbol_name = symbol,
		.pre_handler = handler,
		/*
		 * A probe without one may be made a jump, which goes back to
		 * the function whatever the handler says.
		 */
		.post_handler = xl_fault_post_handler,
	};
}

/* A breakpoint, which a probe may be, counts as an NMI, and an NMI as an interrupt. */
bool xl_fault_in_interrupt(void)
{
	unsigned long nmis = nmi_count() / NMI_OFFSET;

	return hardirq_count() / HARDIRQ_OFFSET > nmis || in_serving_softirq();
}

void xl_fault_return_null(struct pt_regs *regs)
{
	regs_set_return_value(regs, 0);
	instruction_pointer_set(regs, (unsigned long)xl_fault_return);
}
