// SPDX-License-Identifier: GPL-2.0

//! Only who took RTNL holds it.

use kapi::net::Rtnl;
use kernel::types::NotThreadSafe;

/// Holds it without having taken it.
pub fn forge() -> Rtnl {
    Rtnl(NotThreadSafe) //~ E0423
}
