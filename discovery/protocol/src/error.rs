// SPDX-License-Identifier: GPL-2.0

//! What can be wrong with a value read from XenStore or from a peer's control page.

use core::fmt;

/// A value was refused: which one, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The part of the schema that was refused.
    pub field: Field,
    /// What is wrong with it.
    pub kind: Kind,
}

/// The parts of the schema that carry a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A domain id.
    DomId,
    /// Protocol version of an advert or an offer.
    Version,
    /// Feature bits of an advert.
    Features,
    /// Instance number of an advert.
    Instance,
    /// MAC address of a NIC.
    Mac,
    /// List of IP addresses.
    Addr,
    /// Nonce of a pair of instances.
    Nonce,
    /// Generation of a channel.
    Generation,
    /// Grant reference of a control page.
    Grant,
    /// Event-channel port.
    Port,
    /// An offer that goes on after its last field.
    Offer,
    /// A peer entry that does.
    Peer,
    /// VLAN of a vif.
    Vlan,
    /// Number of queue pairs of a channel.
    QueuePairs,
    /// A guest's wish.
    Wish,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is not there.
    Missing,
    /// It is not written as the schema says.
    Syntax,
    /// It is well written but outside its range.
    Range,
    /// A protocol version this code does not speak.
    Unsupported,
    /// An address that cannot belong to one NIC: multicast, broadcast, loopback and the like.
    NotUnicast,
    /// The same address, MAC, grant reference or port twice.
    Duplicate,
    /// More addresses than a guest may have, or more wishes.
    TooMany,
}

impl Field {
    pub(crate) const fn error(self, kind: Kind) -> SchemaError {
        SchemaError { field: self, kind }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::DomId => "domid",
            Field::Version => "version",
            Field::Features => "features",
            Field::Instance => "instance",
            Field::Mac => "mac",
            Field::Addr => "addr",
            Field::Nonce => "nonce",
            Field::Generation => "generation",
            Field::Grant => "grant",
            Field::Port => "port",
            Field::Offer => "offer",
            Field::Peer => "peer entry",
            Field::Vlan => "vlan",
            Field::QueuePairs => "queue pairs",
            Field::Wish => "wish",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Missing => "missing",
            Kind::Syntax => "malformed",
            Kind::Range => "out of range",
            Kind::Unsupported => "not supported",
            Kind::NotUnicast => "not a unicast host address",
            Kind::Duplicate => "listed twice",
            Kind::TooMany => "too many",
        })
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.kind)
    }
}
