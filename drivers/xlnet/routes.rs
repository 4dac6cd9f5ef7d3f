// SPDX-License-Identifier: GPL-2.0

//! Routes through xl0: `X/32 dev xl0 proto xlnet src <our address>`.

use core::net::Ipv4Addr;
use kapi::net::rtnetlink::{HostRoute, Socket};
use kernel::prelude::*;

/// The routes' protocol number, which iproute-scripts/rt_protos.d names `xlnet`.
const PROTOCOL: u8 = 177;

/// The routes to one peer, as far as we know: the administrator may have removed some.
pub(crate) struct Routes {
    installed: KVec<HostRoute>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self {
            installed: KVec::new(),
        }
    }

    /// A route to a peer's address.
    pub(crate) fn to(destination: Ipv4Addr, source: Ipv4Addr, ifindex: i32) -> HostRoute {
        HostRoute {
            destination,
            source,
            ifindex,
            protocol: PROTOCOL,
        }
    }

    /// Removes every route that is not wanted. Process context, RTNL not held.
    pub(crate) fn keep_only(&mut self, socket: &mut Socket, wanted: &[HostRoute]) {
        self.installed.retain(|route| {
            let keep = wanted.contains(route);
            if !keep {
                // It is gone already if the device, the source address or the administrator
                // took it.
                let _ = socket.delete(route);
            }
            keep
        });
    }

    /// Installs every route that is wanted and not there. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// The first error, for example `EEXIST` if the administrator routes the address himself;
    /// all others are installed.
    pub(crate) fn install(&mut self, socket: &mut Socket, wanted: &[HostRoute]) -> Result {
        let mut result = Ok(());
        for route in wanted {
            if self.installed.contains(route) {
                continue;
            }
            let added = self
                .installed
                .reserve(1, GFP_KERNEL)
                .map_err(Error::from)
                .and_then(|()| socket.add(route))
                .and_then(|()| Ok(self.installed.push(*route, GFP_KERNEL)?));
            result = result.and(added);
        }
        result
    }
}
