// SPDX-License-Identifier: GPL-2.0

//! What the router decided, for administrators and xl-status: `/sys/kernel/debug/xlnet/addresses`.
//!
//! A line for each address of each peer: the address, `peer` and the peer's domain id, and `xl0`, or `nic:`
//! and why it is not reached through xl0.

use crate::control::router::RouterKick;
use kernel::{
    debugfs::{Dir, File},
    prelude::*,
};

pub(crate) struct Report {
    // The file goes before its directory.
    _file: Pin<KBox<File<RouterKick>>>,
    _dir: Dir,
}

impl Report {
    /// Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Without debugfs there is nothing to see, which is no error.
    pub(crate) fn new(router: RouterKick) -> Result<Self> {
        let dir = Dir::new(c"xlnet");
        let file = dir.read_callback_file(c"addresses", router, &|router: &RouterKick, f| {
            router.get().report(f)
        });
        Ok(Self {
            _file: KBox::pin_init(file, GFP_KERNEL)?,
            _dir: dir,
        })
    }
}
