// SPDX-License-Identifier: GPL-2.0

//! Packets whose IPv4 header is right, so that nothing but what is to be tested is wrong with them.

use core::net::Ipv4Addr;
use kernel::prelude::*;
use xlnet_protocol::{PacketMeta, ETHERTYPE_IPV4};

/// Length of an IPv4 header without options.
pub(crate) const HEADER: usize = 20;

/// What is said of a packet, with nothing left to do for the receiver.
pub(crate) fn plain() -> PacketMeta {
    PacketMeta {
        virtio_net_hdr: [0; 10],
        ethertype: ETHERTYPE_IPV4,
    }
}

/// A packet of `len` bytes with `protocol` in its header and nothing but zeros behind it.
pub(crate) fn ipv4(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    len: u16,
) -> Result<KVec<u8>> {
    let mut packet = KVec::from_elem(0, usize::from(len).max(HEADER), GFP_KERNEL)?;
    let [l0, l1] = len.to_be_bytes();
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
    packet[..HEADER].copy_from_slice(&header);
    if protocol == TCP && packet.len() >= HEADER + 13 {
        // Data offset, in words.
        packet[HEADER + 12] = 5 << 4;
    }
    Ok(packet)
}

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
    pub(crate) fn meta(&mut self, len: u16) -> PacketMeta {
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
            ethertype: ETHERTYPE_IPV4,
        }
    }
}
