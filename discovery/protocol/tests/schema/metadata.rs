// SPDX-License-Identifier: GPL-2.0

//! What goes with a packet.

use proptest::prelude::*;
use xlnet_protocol::PacketMeta;

#[test]
fn the_metadata_is_a_virtio_net_hdr_and_a_protocol() {
    let meta = PacketMeta {
        virtio_net_hdr: [1, 4, 2, 1, 4, 3, 6, 5, 8, 7],
        ethertype: 0x86dd,
    };
    assert_eq!(meta.to_bytes(), [1, 4, 2, 1, 4, 3, 6, 5, 8, 7, 0xdd, 0x86]);
}

proptest! {
    #[test]
    fn metadata_round_trips(bytes: [u8; PacketMeta::SIZE]) {
        prop_assert_eq!(PacketMeta::from_bytes(bytes).to_bytes(), bytes);
    }
}
