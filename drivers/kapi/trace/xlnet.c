// SPDX-License-Identifier: GPL-2.0
/*
 * Linked into xlnet alone: who has tracepoints shows them in tracefs.
 */
#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "xlnet.h"
