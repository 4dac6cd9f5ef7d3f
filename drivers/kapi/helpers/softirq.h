/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bottom halves.
 */
#ifndef _XL_HELPERS_SOFTIRQ_H
#define _XL_HELPERS_SOFTIRQ_H

void xl_local_bh_disable(void);
void xl_local_bh_enable(void);

#endif /* _XL_HELPERS_SOFTIRQ_H */
