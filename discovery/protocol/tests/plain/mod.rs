// SPDX-License-Identifier: GPL-2.0

//! A vif against which nothing is to be said, as dom0's kernel has it.

use xlnet_protocol::port::{BridgePort, Facts};

/// Its bridge port.
pub const PORT: BridgePort = BridgePort {
    bridge: 3,
    forwarding: true,
    isolated: false,
    locked: false,
    flooded: true,
    vlan_trees: false,
    vlans: None,
};

/// What the kernel says of it but for that.
pub const FACTS: Facts = Facts {
    up: true,
    port: None,
    qdisc: false,
    tc: false,
    xdp: false,
    netfilter: false,
};
