// SPDX-License-Identifier: GPL-2.0

//! Where an address is reached, in the words of the report and of the tracepoint.

use core::{fmt, net::IpAddr};
use kernel::error::Error;

/// Whether an address is reached through xl0, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Xl0,
    NoNic,
    /// This guest has no address on the NIC that could talk to it.
    NoAddress,
    Avoided,
    NoChannel,
    /// There was a channel. The next packet tells that there is to be one again.
    Dormant,
    /// There was, and is to be.
    Waiting,
    NotSeen(Link),
    Elsewhere(Link),
    /// xl0 carries nothing of IPv6.
    Ipv6Off,
    NoRoute,
    OtherDevice,
    Gateway,
    NotVouched,
    NotAccepted,
    Paused,
    Shadowed,
    Foreign,
    Refused(Error),
}

/// By what the link tells of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Arp,
    Ndp,
}

impl Link {
    pub(crate) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Arp,
            IpAddr::V6(_) => Self::Ndp,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xl0 => return f.write_str("xl0"),
            Self::NoNic => "nic: it is down, without carrier, or gone",
            Self::NoAddress => "nic: this guest advertises no address of its family",
            Self::Avoided => "nic: the administrator keeps it there (avoid=)",
            Self::NoChannel => "nic: no channel",
            Self::Dormant => "nic: no channel, as nothing is sent to it",
            Self::Waiting => "nic: asked dom0 for a channel, see xl-status there",
            Self::NotSeen(Link::Arp) => "nic: no ARP from it yet, or none any more",
            Self::NotSeen(Link::Ndp) => "nic: no NDP from it yet, or none any more",
            Self::Elsewhere(Link::Arp) => "nic: ARP shows it at another MAC",
            Self::Elsewhere(Link::Ndp) => "nic: NDP shows it at another MAC",
            Self::Ipv6Off => "nic: IPv6 is switched off on xl0, or its MTU too small for that",
            Self::NoRoute => "nic: a route or rule says that it is unreachable",
            Self::OtherDevice => "nic: a route or rule leads to another device",
            Self::Gateway => "nic: a route or rule leads through a gateway",
            Self::NotVouched => "nic: dom0 does not vouch for the source address",
            Self::NotAccepted => "nic: the peer has not confirmed the source address",
            Self::Paused => "nic: the peer refused packets",
            Self::Shadowed => "nic: a rule stands before the table xlnet",
            Self::Foreign => "nic: a route of the administrator's in the table xlnet",
            Self::Refused(error) => {
                return write!(f, "nic: the kernel refuses the route ({error:?})")
            }
        })
    }
}
