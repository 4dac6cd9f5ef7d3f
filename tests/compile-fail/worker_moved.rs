// SPDX-License-Identifier: GPL-2.0

//! The kernel knows a worker by where it lies.

use kapi::work::{Work, Worker};
use kernel::error::Result;

/// Has it elsewhere.
pub fn make<T: Work>(inner: T) -> Result<Worker<T>> {
    Worker::new(inner) //~ E0308
}
