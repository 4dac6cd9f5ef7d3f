// SPDX-License-Identifier: GPL-2.0

//! A worker that runs may be on its way out: nobody counts it then.

use kapi::work::{Work, Worker};
use kernel::sync::{Arc, ArcBorrow};

/// What it works on.
pub struct Keeper;

impl Work for Keeper {
    fn run(&self, worker: &Worker<Self>) {
        let worker: ArcBorrow<'_, Worker<Self>> = worker.into(); //~ E0277
        let _kept: Arc<Worker<Self>> = worker.into();
    }
}
