// SPDX-License-Identifier: GPL-2.0
/*
 * An XDP program that drops UDP datagrams to port 9 ("discard") and passes all else.
 * Like most such programs it takes an Ethernet header in front of each packet for granted.
 */
#include <linux/bpf.h>

#define ETHERNET	14
#define ETHERTYPE	12
#define PROTOCOL	9
#define IP		20
#define PORT		(ETHERNET + IP + 2)

static __always_inline int is_discard(const unsigned char *frame)
{
	return frame[ETHERTYPE] == 0x08 && frame[ETHERTYPE + 1] == 0x00 &&
	       frame[ETHERNET] == 0x45 && frame[ETHERNET + PROTOCOL] == 17 &&
	       frame[PORT] == 0 && frame[PORT + 1] == 9;
}

/* The section by which ip finds the program. */
#pragma clang section text = "xdp"

int drop_discard(struct xdp_md *context)
{
	const unsigned char *frame = (void *)(long)context->data;
	const unsigned char *end = (void *)(long)context->data_end;

	if (frame + PORT + 2 > end)
		return XDP_PASS;
	return is_discard(frame) ? XDP_DROP : XDP_PASS;
}
