// SPDX-License-Identifier: GPL-2.0
/*
 * An XDP program that drops UDP datagrams to port 9 ("discard") of either version
 * of IP and passes all else.  Like most such programs it takes an Ethernet header
 * in front of each packet for granted.
 */
#include <linux/bpf.h>

#define ETHERNET	14
#define ETHERTYPE	12
#define UDP		17
/* Where the protocol is, and how long the header is without options. */
#define IPV4_PROTOCOL	9
#define IPV4		20
#define IPV6_PROTOCOL	6
#define IPV6		40
#define PORT		2

static __always_inline int is_port(const unsigned char *udp)
{
	return udp[PORT] == 0 && udp[PORT + 1] == 9;
}

static __always_inline int is_discard(const unsigned char *frame,
				      const unsigned char *end)
{
	const unsigned char *ip = frame + ETHERNET;

	if (ip + IPV4 + PORT + 2 > end)
		return 0;
	if (frame[ETHERTYPE] == 0x08 && frame[ETHERTYPE + 1] == 0x00)
		return ip[0] == 0x45 && ip[IPV4_PROTOCOL] == UDP &&
		       is_port(ip + IPV4);
	if (ip + IPV6 + PORT + 2 > end)
		return 0;
	return frame[ETHERTYPE] == 0x86 && frame[ETHERTYPE + 1] == 0xdd &&
	       ip[IPV6_PROTOCOL] == UDP && is_port(ip + IPV6);
}

/* The section by which ip finds the program. */
#pragma clang section text = "xdp"

int drop_discard(struct xdp_md *context)
{
	const unsigned char *frame = (void *)(long)context->data;
	const unsigned char *end = (void *)(long)context->data_end;

	return is_discard(frame, end) ? XDP_DROP : XDP_PASS;
}
