// SPDX-License-Identifier: GPL-2.0

//! There is room in a request for what is known, and for no more.

use kapi::net::rtnetlink::{HostRoute, Message, Object};

/// Two routes in one.
pub struct Two(HostRoute);

impl Object for Two {
    //~^ E0277
    const MESSAGES: [u32; 2] = HostRoute::MESSAGES;

    fn describe(&self, message: &mut Message, delete: bool) {
        self.0.describe(message, delete);
        self.0.describe(message, delete);
    }
}
