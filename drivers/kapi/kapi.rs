// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers for the kernel interfaces that xlnet uses and that the `kernel` crate lacks.
//!
//! This crate is the only place of the project that may say `unsafe`. Each wrapper states its
//! invariants and the execution context its functions may be called from: *process* context (may
//! sleep), *softirq* (bottom halves are off, must not sleep) or *any*.
//!
//! Nothing here knows what xlnet is: policy, protocol and state live in the two modules.

mod bindings;
mod compat;

pub mod avoid;
pub mod cpu;
pub mod net;
mod notifier;
pub mod param;
pub mod pm;
pub mod random;
mod show;
mod steal;
pub mod sync;
pub mod time;
pub mod trace;
pub mod work;
pub mod xen;

pub use compat::errno;
pub use show::Show;
