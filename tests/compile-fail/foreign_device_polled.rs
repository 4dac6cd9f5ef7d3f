// SPDX-License-Identifier: GPL-2.0

//! Another driver's device is polled by that driver.

use kapi::net::{
    napi::{Napi, Poll},
    netdevice::Device,
};
use kernel::sync::Arc;

/// Polls for it.
pub fn enable<T: Poll>(dev: &Device, napi: Arc<Napi<T>>, state: T::State) {
    let _ = napi.enable(dev, 1, state); //~ E0308
}
