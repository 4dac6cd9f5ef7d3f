// SPDX-License-Identifier: GPL-2.0

//! What a packet carries besides its bytes.

/// `ethertype` of an IPv4 packet.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// `ethertype` of an IPv6 packet.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;

/// `VIRTIO_NET_HDR_F_NEEDS_CSUM`, `VIRTIO_NET_HDR_GSO_TCPV4` and so on.
const NEEDS_CSUM: u8 = 1;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_ECN: u8 = 0x80;

/// The metadata of a record: the kernel's `virtio_net_hdr` and the protocol of the packet.
///
/// Any twelve bytes are a `PacketMeta`: whether the values fit the packet is for the kernel's own
/// `virtio_net_hdr` validation to say, which sees the packet too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketMeta {
    /// `struct virtio_net_hdr` (include/uapi/linux/virtio_net.h), little-endian.
    pub virtio_net_hdr: [u8; 10],
    /// The packet's EtherType: [`ETHERTYPE_IPV4`] or [`ETHERTYPE_IPV6`].
    pub ethertype: u16,
}

impl PacketMeta {
    /// Size of the encoded metadata, in bytes.
    pub const SIZE: usize = 12;

    /// The metadata as a record carries it: in the order of the fields, little-endian.
    #[inline]
    pub const fn to_bytes(&self) -> [u8; Self::SIZE] {
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9] = self.virtio_net_hdr;
        let [e0, e1] = self.ethertype.to_le_bytes();
        [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, e0, e1]
    }

    /// Whether the offloads are of the packet's family: TCP is segmented as the TCP of that, and a
    /// checksum begins behind the IP header. Of these the kernel's validation compares the first
    /// only where there is no checksum to finish, and takes every header for one of IPv4 for the
    /// second, so that finishing the checksum would rewrite an IPv6 address.
    #[inline]
    pub const fn is_of_family(&self) -> bool {
        let [flags, gso_type, _, _, _, _, s0, s1, _, _] = self.virtio_net_hdr;
        let (header, foreign) = match self.ethertype {
            ETHERTYPE_IPV4 => (20, GSO_TCPV6),
            ETHERTYPE_IPV6 => (40, GSO_TCPV4),
            _ => return false,
        };
        let start = u16::from_le_bytes([s0, s1]);
        gso_type & !GSO_ECN != foreign && (flags & NEEDS_CSUM == 0 || start >= header)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    #[inline]
    pub const fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, e0, e1] = bytes;
        Self {
            virtio_net_hdr: [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9],
            ethertype: u16::from_le_bytes([e0, e1]),
        }
    }
}
