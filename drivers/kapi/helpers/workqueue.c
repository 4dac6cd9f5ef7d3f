// SPDX-License-Identifier: GPL-2.0
#include <linux/workqueue.h>

#include "workqueue.h"

void xl_init_delayed_work(struct delayed_work *work, work_func_t func,
			  struct lock_class_key *key)
{
	INIT_DELAYED_WORK(work, func);
	/* The class that it has by now is that of all who come by here. */
	lockdep_init_map(&work->work.lockdep_map, "xl_work", key, 0);
}
