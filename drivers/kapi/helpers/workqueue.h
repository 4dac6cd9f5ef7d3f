/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work items.
 */
#ifndef _XL_HELPERS_WORKQUEUE_H
#define _XL_HELPERS_WORKQUEUE_H

#include <linux/workqueue.h>

void xl_init_delayed_work(struct delayed_work *work, work_func_t func,
			  struct lock_class_key *key);

#endif /* _XL_HELPERS_WORKQUEUE_H */
