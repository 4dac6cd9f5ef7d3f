// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <xen/grant_table.h>
#include <xen/page.h>

#include "grant_table.h"

void *xl_page_address(const struct page *page)
{
	return page_address(page);
}

unsigned long xl_page_to_gfn(struct page *page)
{
	return xen_page_to_gfn(page);
}

void xl_gnttab_set_map_ro(struct gnttab_map_grant_ref *op, void *addr,
			  grant_ref_t ref, domid_t domid)
{
	gnttab_set_map_op(op, (phys_addr_t)(unsigned long)addr,
			  GNTMAP_host_map | GNTMAP_readonly, ref, domid);
}

void xl_gnttab_set_unmap_ro(struct gnttab_unmap_grant_ref *op, void *addr,
			    grant_handle_t handle)
{
	gnttab_set_unmap_op(op, (phys_addr_t)(unsigned long)addr,
			    GNTMAP_host_map | GNTMAP_readonly, handle);
}
