// SPDX-License-Identifier: GPL-2.0

//! Who says that a buffer was written promises that.

use core::mem::MaybeUninit;
use kapi::net::receive::Source;

/// Writes nothing.
pub struct Liar;

impl Source for Liar {
    //~^ E0200
    fn copy_to(&self, _offset: usize, _buffer: &mut [MaybeUninit<u8>]) -> bool {
        true
    }
}
