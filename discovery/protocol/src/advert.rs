// SPDX-License-Identifier: GPL-2.0

//! The advert: a guest tells dom0 that it runs xlnet.

use core::fmt;

use crate::addr::{Addrs, Mac};
use crate::error::{Field, Kind, SchemaError};
use crate::number;
use crate::path::Node;
use crate::version::Version;

/// Feature bit of an advert: the guest says by its [wish](crate::Wish) to whom it wants channels. A guest
/// without it wants them to everybody.
pub const ON_DEMAND: u32 = 1;

/// A guest's advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// The version of the protocol that the guest speaks.
    pub version: Version,
    /// Optional abilities, one bit each, of which [`ON_DEMAND`] is defined; unknown ones are ignored.
    pub features: u32,
    /// Random, drawn anew whenever the guest's module starts or resumes: it tells a restarted
    /// guest from the old one.
    pub instance: u64,
    /// MAC address of the NIC whose traffic the guest would like to shorten.
    pub mac: Mac,
    /// The addresses of that NIC.
    pub addrs: Addrs,
}

/// The nodes of an advert, as read from XenStore; `None` for one that is not there.
///
/// A guest without `version` has no advert, whatever else it left behind.
#[derive(Clone, Copy, Debug)]
pub struct AdvertText<'a> {
    /// [`Node::Version`].
    pub version: &'a str,
    /// [`Node::Features`].
    pub features: Option<&'a str>,
    /// [`Node::Instance`].
    pub instance: Option<&'a str>,
    /// [`Node::Mac`].
    pub mac: Option<&'a str>,
    /// [`Node::Addr`].
    pub addr: Option<&'a str>,
}

impl Advert {
    /// Reads an advert.
    ///
    /// # Errors
    ///
    /// Names the first node that is missing or malformed. The version is looked at first, since
    /// it says how to read the others: [`Kind::Unsupported`] if this code
    /// does not speak it.
    pub fn parse(text: &AdvertText<'_>) -> Result<Self, SchemaError> {
        let version = Version::parse(text.version)?;
        let features = present(Field::Features, text.features)?;
        let instance = present(Field::Instance, text.instance)?;
        Ok(Self {
            version,
            features: number::bits(Field::Features, features)?,
            instance: number::hex64(Field::Instance, instance)?,
            mac: Mac::parse(present(Field::Mac, text.mac)?)?,
            addrs: Addrs::parse(present(Field::Addr, text.addr)?)?,
        })
    }

    /// The nodes to write and their values, in the order in which to write them: `version` is the
    /// last, so that a reader who finds it finds the others too.
    pub fn nodes(&self) -> [(Node, Value<'_>); 5] {
        [
            (Node::Features, Value::Bits(self.features)),
            (Node::Instance, Value::Hex64(self.instance)),
            (Node::Mac, Value::Mac(self.mac)),
            (Node::Addr, Value::Addrs(&self.addrs)),
            (Node::Version, Value::Version(self.version)),
        ]
    }
}

/// The value of a node. Formats as the string that XenStore takes.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// The protocol version.
    Version(Version),
    /// A set of bits.
    Bits(u32),
    /// An instance or a nonce.
    Hex64(u64),
    /// A MAC address.
    Mac(Mac),
    /// A list of IP addresses.
    Addrs(&'a Addrs),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Version(version) => write!(f, "{version}"),
            Value::Bits(bits) => write!(f, "{bits:x}"),
            Value::Hex64(number) => write!(f, "{number:016x}"),
            Value::Mac(mac) => write!(f, "{mac}"),
            Value::Addrs(addrs) => write!(f, "{addrs}"),
        }
    }
}

/// The text of a node that has to be there.
pub(crate) fn present(field: Field, text: Option<&str>) -> Result<&str, SchemaError> {
    text.ok_or(field.error(Kind::Missing))
}
