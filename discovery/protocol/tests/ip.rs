// SPDX-License-Identifier: GPL-2.0

//! Whom a packet is from and for, and whether its offloads are of its family.

use xlnet_protocol::{Ends, PacketMeta, ETHERTYPE_IPV4, ETHERTYPE_IPV6};

fn read(ethertype: u16, packet: &[u8]) -> Option<Ends> {
    Ends::read(ethertype, |header| {
        let first = packet.get(..header.len());
        first
            .inspect(|first| header.copy_from_slice(first))
            .is_some()
    })
}

fn ends(source: &str, destination: &str) -> Option<Ends> {
    Some(Ends {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    })
}

fn ipv4() -> Vec<u8> {
    let mut packet = vec![0x45; 20];
    packet[12..].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    packet
}

fn ipv6(source: &str, destination: &str) -> Vec<u8> {
    let octets = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
    [
        &[0x60, 0, 0, 0, 0, 0, 59, 64][..],
        &octets(source),
        &octets(destination),
    ]
    .concat()
}

#[test]
fn both_families_are_read() {
    assert_eq!(read(ETHERTYPE_IPV4, &ipv4()), ends("10.0.0.1", "10.0.0.2"));
    let packet = ipv6("2001:db8::1", "fd00::2");
    assert_eq!(
        read(ETHERTYPE_IPV6, &packet),
        ends("2001:db8::1", "fd00::2")
    );
}

#[test]
fn what_is_none_is_refused() {
    let v6 = ipv6("2001:db8::1", "fd00::2");
    // One family's EtherType with the other one's header.
    assert_eq!(
        read(ETHERTYPE_IPV6, &[&ipv4()[..], &[0; 40]].concat()),
        None
    );
    assert_eq!(read(ETHERTYPE_IPV4, &v6), None);
    assert_eq!(read(0x0806, &ipv4()), None);
    assert_eq!(read(ETHERTYPE_IPV4, &ipv4()[..19]), None);
    assert_eq!(read(ETHERTYPE_IPV6, &v6[..39]), None);
}

/// An IPv4 address is nobody's IPv6 address, however it is spelled.
#[test]
fn an_ipv4_address_in_ipv6_is_another() {
    let packet = ipv6("::ffff:10.0.0.1", "::10.0.0.2");
    let read = read(ETHERTYPE_IPV6, &packet).unwrap();
    assert!(read.source.is_ipv6() && read.destination.is_ipv6());
}

#[test]
fn offloads_are_of_the_packets_family() {
    const NEEDS_CSUM: u8 = 1;
    let meta = |ethertype, flags, gso_type, start: u8| PacketMeta {
        virtio_net_hdr: [flags, gso_type, 0, 0, 0, 0, start, 0, 0, 0],
        ethertype,
    };
    let (v4, v6) = (ETHERTYPE_IPV4, ETHERTYPE_IPV6);
    // TCPV4 is 1, UDP_L4 is 5, TCPV6 is 4, with ECN or not.
    for (ethertype, own, foreign, header) in [(v4, 1, 4, 20), (v6, 4, 1, 40)] {
        for gso_type in [0, own, own | 0x80, 5] {
            assert!(meta(ethertype, NEEDS_CSUM, gso_type, header).is_of_family());
            assert!(!meta(ethertype, NEEDS_CSUM, gso_type, header - 1).is_of_family());
            assert!(meta(ethertype, 0, gso_type, 0).is_of_family());
        }
        for gso_type in [foreign, foreign | 0x80] {
            assert!(!meta(ethertype, NEEDS_CSUM, gso_type, header).is_of_family());
            assert!(!meta(ethertype, 0, gso_type, 0).is_of_family());
        }
    }
    assert!(!meta(0x0806, 0, 0, 0).is_of_family());
}
