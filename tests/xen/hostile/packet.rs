// SPDX-License-Identifier: GPL-2.0

//! Packets whose IP header is right, so that nothing but what is to be tested is wrong with them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use kernel::prelude::*;
use xlnet_protocol::{PacketMeta, ETHERTYPE_IPV4, ETHERTYPE_IPV6};

/// Length of an IPv4 header without options.
const IPV4_HEADER: usize = 20;
/// Length of an IPv6 header without extension headers.
const IPV6_HEADER: usize = 40;

/// What is said of a packet of a family, with nothing left to do for the receiver.
pub(crate) fn plain(ipv6: bool) -> PacketMeta {
    PacketMeta {
        virtio_net_hdr: [0; 10],
        ethertype: if ipv6 { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 },
    }
}

/// A packet of `len` bytes, or as many as its header has, with `protocol` in that and nothing but zeros
/// behind it. The addresses are of one family.
///
/// # Errors
///
/// `EINVAL` if they are not; `ENOMEM`.
pub(crate) fn ip(source: IpAddr, destination: IpAddr, protocol: u8, len: u16) -> Result<KVec<u8>> {
    let (mut packet, header) = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            (ipv4(source, destination, protocol, len)?, IPV4_HEADER)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            (ipv6(source, destination, protocol, len)?, IPV6_HEADER)
        }
        _ => return Err(EINVAL),
    };
    if protocol == TCP && packet.len() >= header + 13 {
        // Data offset, in words.
        packet[header + 12] = 5 << 4;
    }
    Ok(packet)
}

fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, len: u16) -> Result<KVec<u8>> {
    let mut packet = KVec::from_elem(0, usize::from(len).max(IPV4_HEADER), GFP_KERNEL)?;
    let [l0, l1] = (packet.len() as u16).to_be_bytes();
    let mut header = [
        0x45, 0, l0, l1, 0, 0, 0, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    header[12..16].copy_from_slice(&source.octets());
    header[16..].copy_from_slice(&destination.octets());
    let sum = header
        .chunks_exact(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum::<u32>();
    // Twenty bytes carry at most twice.
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet[..IPV4_HEADER].copy_from_slice(&header);
    Ok(packet)
}

fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, len: u16) -> Result<KVec<u8>> {
    let mut packet = KVec::from_elem(0, usize::from(len).max(IPV6_HEADER), GFP_KERNEL)?;
    let [l0, l1] = ((packet.len() - IPV6_HEADER) as u16).to_be_bytes();
    let next = if protocol == ICMP { ICMPV6 } else { protocol };
    packet[..8].copy_from_slice(&[0x60, 0, 0, 0, l0, l1, next, 64]);
    packet[8..24].copy_from_slice(&source.octets());
    packet[24..IPV6_HEADER].copy_from_slice(&destination.octets());
    Ok(packet)
}

/// Fills what is behind an IPv6 header with extension headers, each of a kind and a length of its own,
/// and their contents, as long as there is room.
pub(crate) fn extend(packet: &mut [u8], rng: &mut Rng) {
    // Hop-by-hop options, routing, fragment, ESP, authentication, destination options, mobility, HIP,
    // shim6, none, TCP, UDP, ICMPv6.
    const KINDS: [u8; 13] = [0, 43, 44, 50, 51, 60, 135, 139, 140, 59, TCP, UDP, ICMPV6];
    let (header, mut rest) = packet.split_at_mut(IPV6_HEADER);
    header[6] = rng.one_of(&KINDS);
    while rest.len() >= 8 {
        rest[0] = rng.one_of(&KINDS);
        // Often as short as can be, so that there are many.
        let any = rng.next() as u8;
        rest[1] = rng.one_of(&[0, 0, 0, 1, any, 255]);
        let len = (usize::from(rest[1]) * 8 + 8).min(rest.len());
        rest[2..len]
            .iter_mut()
            .for_each(|byte| *byte = rng.next() as u8);
        rest = &mut rest[len..];
    }
}

/// Has an IPv6 packet say that it is a jumbogram, or that it has any length.
pub(crate) fn enlarge(packet: &mut [u8], rng: &mut Rng) {
    let any = rng.next() as u16;
    let said = rng.one_of(&[0, 0, 1, 8, any, u16::MAX]);
    packet[4..6].copy_from_slice(&said.to_be_bytes());
    if packet.len() >= IPV6_HEADER + 8 {
        packet[6] = 0;
        let len = packet.len() as u32;
        let any = rng.next() as u32;
        let jumbo = rng.one_of(&[0, len, 65535, 65536, 1 << 31, u32::MAX, any]);
        // RFC 2675: a jumbo payload option among hop-by-hop options, and no next header.
        packet[IPV6_HEADER..IPV6_HEADER + 4].copy_from_slice(&[59, 0, 0xc2, 4]);
        packet[IPV6_HEADER + 4..IPV6_HEADER + 8].copy_from_slice(&jumbo.to_be_bytes());
    }
}

const ICMPV6: u8 = 58;
pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

/// A generator whose numbers are the same in each run, so that what they find is found again.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// The next number (xorshift64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One of the values.
    pub(crate) fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[(self.next() >> 32) as usize % values.len()]
    }

    /// The twelve bytes about a packet of `len` bytes: each field is any value, or one that is
    /// just possible, or just not.
    pub(crate) fn meta(&mut self, ipv6: bool, len: u16) -> PacketMeta {
        let mut near = || {
            let any = self.next() as u16;
            self.one_of(&[
                0,
                1,
                6,
                16,
                20,
                28,
                40,
                len - 2,
                len - 1,
                len,
                u16::MAX,
                any,
            ])
        };
        let [hdr_len, gso_size, csum_start, csum_offset] =
            [near(), near(), near(), near()].map(u16::to_le_bytes);
        let any = self.next() as u8;
        let flags = self.one_of(&[0, 1, 1, 1, 2, 3, 4, any]);
        // None, TCPv4, UDP, TCPv6, UDP_L4, with ECN, unknown.
        let gso = self.one_of(&[0, 1, 1, 3, 4, 5, 5, 0x81, 0x85, any]);
        let mut header = [flags, gso, 0, 0, 0, 0, 0, 0, 0, 0];
        header[2..4].copy_from_slice(&hdr_len);
        header[4..6].copy_from_slice(&gso_size);
        header[6..8].copy_from_slice(&csum_start);
        header[8..].copy_from_slice(&csum_offset);
        PacketMeta {
            virtio_net_hdr: header,
            ..plain(ipv6)
        }
    }
}
