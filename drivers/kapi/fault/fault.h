/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the kernel that are made to fail, for tests: linked into the one
 * module that does so.
 */
#ifndef _XL_FAULT_H
#define _XL_FAULT_H

#include <linux/kprobes.h>

/* Room for what sprint_symbol() writes, see KSYM_SYMBOL_LEN. */
#define XL_SYMBOL_LEN 1024

void xl_fault_probe_init(struct kprobe *probe, const char *symbol,
			 kprobe_pre_handler_t handler);
bool xl_fault_in_interrupt(void);
void xl_fault_return_null(struct pt_regs *regs);

#endif /* _XL_FAULT_H */
