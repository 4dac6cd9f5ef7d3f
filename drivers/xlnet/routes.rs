// SPDX-License-Identifier: GPL-2.0

//! Routes through xl0: `X/32 dev xl0 proto xlnet src <our address>`.

use crate::retired::Retired;
use core::net::Ipv4Addr;
use kapi::{
    errno::ENOBUFS,
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
    /// `None` if it was gone again at once, or is in doubt.
    hold: Option<Hold>,
    /// The kernel had no memory to say whether the route is there now, or to remove it.
    doubtful: bool,
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

    /// Whether none is left; one that could not be removed for lack of memory is.
    pub(crate) fn is_empty(&self) -> bool {
        self.installed.is_empty()
    }

    /// Removes every route that is not wanted, or in doubt. Process context, RTNL not held.
    pub(crate) fn keep_only(
        &mut self,
        socket: &mut Socket,
        retired: &Worker<Retired>,
        wanted: &[HostRoute],
    ) {
        self.installed.retain(|installed| {
            if !installed.doubtful && wanted.contains(&installed.route) {
                return true;
            }
            // It is gone already if the device, the source address or the administrator took it.
            let deleted = socket.delete(&installed.route);
            if let Some(hold) = installed.hold.take() {
                Retired::keep(retired, hold);
            }
            installed.doubtful = deleted.is_err_and(is_shortage);
            installed.doubtful
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
            result = result.and(self.add(socket, *route));
        }
        result
    }

    fn add(&mut self, socket: &mut Socket, route: HostRoute) -> Result {
        self.installed.reserve(1, GFP_KERNEL)?;
        let added = socket.add(&route);
        let doubtful = added.is_err_and(is_shortage);
        if added.is_ok() || doubtful {
            let hold = added.ok().and_then(|()| Hold::new(&route));
            let installed = Installed {
                route,
                hold,
                doubtful,
            };
            self.installed.push(installed, GFP_KERNEL)?;
        }
        added
    }
}

/// Whether the kernel had no memory for what it was asked, or for the answer.
pub(crate) fn is_shortage(error: Error) -> bool {
    error == ENOMEM || error == ENOBUFS
}
