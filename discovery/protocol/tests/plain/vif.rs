// SPDX-License-Identifier: GPL-2.0

//! A vif against which nothing is to be said, as the roster has it.

use xlnet_protocol::port::{Port, Segment};
use xlnet_protocol::roster::Vif;
use xlnet_protocol::{DomId, Mac};

/// The guest's, on that bridge.
pub fn vif(guest: DomId, mac: Mac, bridge: u32) -> Vif {
    let segment = Segment { bridge, vlan: 0 };
    Vif {
        guest,
        stub_of: None,
        mac,
        port: Port {
            segment,
            ..Port::default()
        },
        permitted: None,
    }
}
