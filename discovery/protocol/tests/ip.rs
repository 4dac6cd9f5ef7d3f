// SPDX-License-Identifier: GPL-2.0

//! Whom a packet is from and for.

use xlnet_protocol::{Ends, ETHERTYPE_IPV4, ETHERTYPE_IPV6};

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
