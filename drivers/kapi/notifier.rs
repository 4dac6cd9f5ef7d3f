// SPDX-License-Identifier: GPL-2.0

//! Being told of what happens in one of the kernel's notifier chains.
//!
//! C header: [`include/linux/notifier.h`](srctree/include/linux/notifier.h)

use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    types::Opaque,
};

/// Who is told, and by which chain.
///
/// # Safety
///
/// `register` must add the block to the chain, or fail; `unregister` must take it out again, and
/// wait for calls under way.
pub(crate) unsafe trait Listener: Send + Sync + 'static {
    /// Adds a block to the chain.
    ///
    /// # Safety
    ///
    /// The block must be complete, in no chain, and stay where it is until it is unregistered.
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int;

    /// Takes the block out of the chain.
    ///
    /// # Safety
    ///
    /// The block must be in the chain.
    unsafe fn unregister(block: *mut bindings::notifier_block);

    /// Called for each event of the chain, in its context.
    ///
    /// # Safety
    ///
    /// `event` and `info` must be those of an event of the chain that ends when this returns.
    unsafe fn told(&self, event: c_ulong, info: *mut c_void);
}

/// A place in a chain; dropping it gives it up, and waits for calls under way.
///
/// # Invariants
///
/// If `registered`, the block is in the chain, with [`Self::call`] as its function.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T: Listener> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    listener: T,
    registered: Atomic<bool>,
}

// SAFETY: A block may be unregistered by any thread; `T: Send`.
unsafe impl<T: Listener> Send for Registration<T> {}
// SAFETY: Nothing but a shared reference to the listener can be had, which is `Sync`.
unsafe impl<T: Listener> Sync for Registration<T> {}

impl<T: Listener> Registration<T> {
    /// Has `listener` told of what happens, by some chains also of what there is already. Process
    /// context, in which the chain may be waited for.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and those of the chain.
    pub(crate) fn new(listener: T) -> Result<Pin<KBox<Self>>> {
        // Shared from the first: the chain may call before it has let us go on.
        let this = KBox::pin_init(
            pin_init!(Self {
                block: Opaque::zeroed(),
                listener,
                registered: Atomic::new(false),
            }),
            GFP_KERNEL,
        )?;
        let block = this.block.get();
        // SAFETY: The block is in no chain yet, so it is ours to fill in; it is pinned and
        // unregistered before it is freed.
        to_result(unsafe {
            (*block).notifier_call = Some(Self::call);
            T::register(block)
        })?;
        // INVARIANT: Just registered.
        this.registered.store(true, Relaxed);
        Ok(this)
    }

    /// Who is told.
    pub(crate) fn listener(&self) -> &T {
        &self.listener
    }

    /// # Safety
    ///
    /// `block` must be the one inside a `Self` that lives until this returns, called by the chain
    /// that it is in.
    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        event: c_ulong,
        info: *mut c_void,
    ) -> c_int {
        // SAFETY: By the function's contract.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(block), Self, block) };
        // SAFETY: By the function's contract, these are the chain's.
        unsafe { this.listener.told(event, info) };
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<T: Listener> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        if self.registered.load(Relaxed) {
            // SAFETY: By the type invariant the block is in the chain.
            unsafe { T::unregister(self.block.get()) };
        }
    }
}
