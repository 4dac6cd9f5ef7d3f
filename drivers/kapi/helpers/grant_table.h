/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that are granted, and grants of others that are mapped.
 */
#ifndef _XL_HELPERS_GRANT_TABLE_H
#define _XL_HELPERS_GRANT_TABLE_H

#include <linux/mm_types.h>
#include <xen/grant_table.h>

void *xl_page_address(const struct page *page);
unsigned long xl_page_to_gfn(struct page *page);
void xl_gnttab_set_map_ro(struct gnttab_map_grant_ref *op, void *addr,
			  grant_ref_t ref, domid_t domid);
void xl_gnttab_set_unmap_ro(struct gnttab_unmap_grant_ref *op, void *addr,
			    grant_handle_t handle);

#endif /* _XL_HELPERS_GRANT_TABLE_H */
