// SPDX-License-Identifier: GPL-2.0

//! The XenStore schema: what is written is read back, anything else is refused by name, and
//! nothing a guest can write makes a parser panic.

mod addresses;
mod advert;
mod any;
mod limits;
mod metadata;
mod offer;
mod paths;
mod peer;
mod text;
mod wish;

use xlnet_protocol::{DomId, Field, Kind, SchemaError};

fn error(field: Field, kind: Kind) -> SchemaError {
    SchemaError { field, kind }
}

fn guest(raw: u16) -> DomId {
    DomId::new(raw).unwrap()
}

/// What a good value becomes when a part of it is replaced is refused, each time for the reason that is given.
fn refused_by_name<T: PartialEq + std::fmt::Debug>(
    good: &str,
    parse: impl Fn(&str) -> Result<T, SchemaError>,
    cases: &[(&str, &str, Field, Kind)],
) {
    for (from, to, field, kind) in cases {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        assert_eq!(parse(&text), Err(error(*field, *kind)), "{text:?}");
    }
}
