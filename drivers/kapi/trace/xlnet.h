/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xlnet's tracepoints: what trace.rs tells, and under which names.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xlnet

#if !defined(_XL_TRACE_XLNET_H) || defined(TRACE_HEADER_MULTI_READ)
#define _XL_TRACE_XLNET_H

#include <linux/tracepoint.h>

TRACE_EVENT(xlnet_handshake,
	    TP_PROTO(u16 peer, const char *event, const char *from,
		     const char *to),
	    TP_ARGS(peer, event, from, to),
	    TP_STRUCT__entry(__field(u16, peer)
			     __string(event, event)
			     __string(from, from)
			     __string(to, to)
	    ),
	    TP_fast_assign(__entry->peer = peer;
			   __assign_str(event);
			   __assign_str(from);
			   __assign_str(to);
	    ),
	    TP_printk("peer=%u event=%s state=%s -> %s", __entry->peer,
		      __get_str(event), __get_str(from), __get_str(to))
);

TRACE_EVENT(xlnet_action,
	    TP_PROTO(u16 peer, const char *action, bool done),
	    TP_ARGS(peer, action, done),
	    TP_STRUCT__entry(__field(u16, peer)
			     __field(bool, done)
			     __string(action, action)
	    ),
	    TP_fast_assign(__entry->peer = peer;
			   __entry->done = done;
			   __assign_str(action);
	    ),
	    TP_printk("peer=%u action=%s %s", __entry->peer,
		      __get_str(action), __entry->done ? "done" : "failed")
);

TRACE_EVENT(xlnet_route,
	    TP_PROTO(u16 peer, const char *address, bool on,
		     const char *reason),
	    TP_ARGS(peer, address, on, reason),
	    TP_STRUCT__entry(__field(u16, peer)
			     __field(bool, on)
			     __string(address, address)
			     __string(reason, reason)
	    ),
	    TP_fast_assign(__entry->peer = peer;
			   __entry->on = on;
			   __assign_str(address);
			   __assign_str(reason);
	    ),
	    TP_printk("peer=%u address=%s xl0=%s (%s)", __entry->peer,
		      __get_str(address), __entry->on ? "on" : "off",
		      __get_str(reason))
);

#endif /* _XL_TRACE_XLNET_H */

/* Outside the guard, as it reads this file again. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE xlnet
#include <trace/define_trace.h>
