// SPDX-License-Identifier: GPL-2.0

//! The kernel knows a worker by where it lies.

use kapi::work::{Work, Worker};
use kernel::{prelude::*, sync::LockClassKey};

/// Has it elsewhere.
pub fn make<T: Work>(inner: T, class: Pin<&'static LockClassKey>) -> Result<Worker<T>> {
    Worker::new(inner, class) //~ E0308
}
