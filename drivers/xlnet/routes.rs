// SPDX-License-Identifier: GPL-2.0

//! Routes through xl0: `X/32 dev xl0 proto xlnet src <our address>`.

use crate::retired::Retired;
use core::net::Ipv4Addr;
use kapi::{
    net::{
        fib::Hold,
        rtnetlink::{HostRoute, Socket}, //
    },
    work::Worker,
};
use kernel::prelude::*;

/// The routes' protocol number, which iproute-scripts/rt_protos.d names `xlnet`.
const PROTOCOL: u8 = 177;

/// The routes to one peer, as far as we know: the administrator may have removed some.
pub(crate) struct Routes {
    installed: KVec<Installed>,
}

struct Installed {
    route: HostRoute,
    /// `None` if it was gone again at once.
    hold: Option<Hold>,
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
    pub(crate) fn keep_only(
        &mut self,
        socket: &mut Socket,
        retired: &Worker<Retired>,
        wanted: &[HostRoute],
    ) {
        self.installed.retain(|installed| {
            let keep = wanted.contains(&installed.route);
            if !keep {
                // It is gone already if the device, the source address or the administrator
                // took it.
                let _ = socket.delete(&installed.route);
                if let Some(hold) = installed.hold.take() {
                    Retired::keep(retired, hold);
                }
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
            if self.installed.iter().any(|there| there.route == *route) {
                continue;
            }
            let added = self
                .installed
                .reserve(1, GFP_KERNEL)
                .map_err(Error::from)
                .and_then(|()| socket.add(route))
                .and_then(|()| {
                    let route = *route;
                    let hold = Hold::new(&route);
                    Ok(self.installed.push(Installed { route, hold }, GFP_KERNEL)?)
                });
            result = result.and(added);
        }
        result
    }
}
