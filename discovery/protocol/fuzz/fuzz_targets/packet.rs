// SPDX-License-Identifier: GPL-2.0

//! What a peer or anybody on the link sends: its addresses, and what Neighbor Discovery claims by it.

#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use xlnet_protocol::{Ends, NdpClaim, NdpMessage, PacketMeta};

fuzz_target!(|bytes: &[u8]| {
    let Some((meta, packet)) = bytes.split_first_chunk() else {
        return;
    };
    let meta = PacketMeta::from_bytes(*meta);
    assert_eq!(meta.to_bytes(), bytes[..PacketMeta::SIZE]);
    let ends = Ends::read(meta.ethertype, |header| {
        let first = packet.get(..header.len());
        first
            .inspect(|first| header.copy_from_slice(first))
            .is_some()
    });
    let Some(Ends {
        source: IpAddr::V6(source),
        destination: IpAddr::V6(destination),
    }) = ends
    else {
        return;
    };
    let message = NdpMessage {
        source,
        destination,
        hop_limit: packet[7],
        sender: [2, 0, 0, 0, 0, 1],
        bytes: &packet[40..],
    };
    if let Some(claim) = NdpClaim::read(&message) {
        assert_eq!(message.hop_limit, 255);
        assert!(!claim.address.is_multicast() && claim.address != Ipv6Addr::UNSPECIFIED);
        // It is in the packet that it was read from.
        let octets = claim.address.octets();
        assert!(packet.windows(16).any(|window| window == octets));
    }
});
