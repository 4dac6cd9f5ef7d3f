// SPDX-License-Identifier: GPL-2.0

//! NAPI instances.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use crate::{
    bindings,
    net::{
        device::{Device, DeviceRef},
        receive::{Received, Unfilled},
    },
    xen::evtchn::EventHandler,
};
use core::{cell::UnsafeCell, marker::PhantomData, ops::Deref};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        Arc, Mutex,
    },
    types::Opaque,
};

/// What a NAPI instance polls.
pub trait Poll: Send + Sync + 'static {
    /// What only the poll may touch while the instance is enabled.
    type State: Send;

    /// Receives at most `budget` packets. Softirq context, one caller at a time. `budget` may be 0, when only
    /// transmission should be looked after, and what is returned does not matter.
    fn poll(&self, state: &mut Self::State, context: &mut Context<'_>, budget: u32) -> Polled;
}

/// What a poll found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// There may be more: poll again.
    More,
    /// After so many packets there is nothing to poll for, until something schedules the instance again. If
    /// something did so meanwhile, or somebody waits for packets by polling, it is polled again.
    Done(u32),
}

/// A NAPI instance with what it polls.
///
/// # Invariants
///
/// `napi` is initialised and added to a device iff `device` is `Some`, and then `state` is `Some`
/// and only [`Poll::poll`] touches it, which the core serialises. Once `napi` was initialised,
/// `live` is true: an instance that was removed still refuses to be scheduled.
#[pin_data(PinnedDrop)]
pub struct Napi<T: Poll> {
    #[pin]
    napi: Opaque<bindings::napi_struct>,
    #[pin]
    device: Mutex<Option<DeviceRef>>,
    state: UnsafeCell<Option<T::State>>,
    live: Atomic<bool>,
    #[pin]
    inner: T,
}

// SAFETY: A NAPI instance may be scheduled from any context and thread; adding and removing is
// serialised by the mutex. `T` and its state are `Send`.
unsafe impl<T: Poll> Send for Napi<T> {}
// SAFETY: As above; `T` is `Sync`, and the state is reached by one thread at a time: the one that
// polls while the instance is enabled, the one that holds the mutex while it is not.
unsafe impl<T: Poll> Sync for Napi<T> {}

impl<T: Poll> Napi<T> {
    /// Creates an instance that is not yet part of a device. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(inner: impl PinInit<T>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                napi: Opaque::zeroed(),
                device <- new_mutex!(None),
                state: UnsafeCell::new(None),
                live: Atomic::new(false),
                inner <- inner,
            }),
            GFP_KERNEL,
        )
    }

    /// Adds the instance to `dev` and enables it, with `state` for its poll. Process context, RTNL
    /// not held.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is enabled already.
    pub fn enable(&self, dev: &Device, state: T::State) -> Result {
        let mut device = self.device.lock();
        if device.is_some() {
            return Err(EBUSY);
        }
        // SAFETY: By the type invariant the instance is not part of a device, so nobody polls, and
        // the mutex is held.
        unsafe { *self.state.get() = Some(state) };
        // SAFETY: By the type invariant the instance is not added to a device now. It is pinned,
        // and removed before it is freed or the device goes, on which a count is held.
        unsafe {
            bindings::xl_netif_napi_add(dev.as_raw(), self.napi.get(), Some(Self::poll_callback));
            bindings::napi_enable(self.napi.get());
        }
        // INVARIANT: Added, and initialised for ever.
        *device = Some(dev.into());
        self.live.store(true, Release);
        Ok(())
    }

    /// Waits for a running poll, disables the instance, removes it from its device and returns its
    /// state, if it was enabled. Process context, RTNL not held.
    pub fn disable(&self) -> Option<T::State> {
        let mut device = self.device.lock();
        // Counted until the end of this function.
        let _device = device.take()?;
        // SAFETY: By the type invariant the instance was added and enabled, which ends here once.
        unsafe {
            bindings::napi_disable(self.napi.get());
            bindings::xl_netif_napi_del(self.napi.get());
        }
        // SAFETY: Nobody polls any more, and the mutex is held.
        unsafe { (*self.state.get()).take() }
    }

    /// The instance.
    pub(crate) fn as_raw(&self) -> *mut bindings::napi_struct {
        self.napi.get()
    }

    /// Makes the instance poll soon, if it is enabled. Any context.
    #[inline]
    pub fn schedule(&self) {
        if self.live.load(Acquire) {
            // SAFETY: By the type invariant the instance is initialised; if it is disabled, the
            // callee does nothing.
            unsafe { bindings::xl_napi_schedule(self.napi.get()) };
        }
    }

    /// # Safety
    ///
    /// `napi` must be the one inside a `Self` that lives until this returns, and be polled by this
    /// task.
    unsafe extern "C" fn poll_callback(napi: *mut bindings::napi_struct, budget: c_int) -> c_int {
        // SAFETY: By the function's contract.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(napi), Self, napi) };
        // INVARIANT: By the function's contract.
        let mut context = Context {
            napi,
            _lifetime: PhantomData,
        };
        // SAFETY: By the type invariant this is the only reference to the state.
        let Some(state) = (unsafe { &mut *this.state.get() }) else {
            return 0;
        };
        match this.inner.poll(state, &mut context, budget.unsigned_abs()) {
            // The core tells by the whole budget that the poll is not complete.
            Polled::Done(work) if budget > 0 => {
                let work = c_int::try_from(work).unwrap_or(budget).min(budget - 1);
                // SAFETY: The instance is being polled. From here on another CPU may poll, and nothing of the
                // state is used any more.
                unsafe { bindings::napi_complete_done(napi, work) };
                work
            }
            _ => budget,
        }
    }
}

impl<T: Poll> Deref for Napi<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: Poll> EventHandler for Napi<T> {
    #[inline]
    fn event(&self) {
        self.schedule();
    }
}

#[pinned_drop]
impl<T: Poll> PinnedDrop for Napi<T> {
    fn drop(self: Pin<&mut Self>) {
        self.disable();
    }
}

/// A poll in progress.
///
/// # Invariants
///
/// `napi` is being polled by this task.
pub struct Context<'a> {
    napi: *mut bindings::napi_struct,
    _lifetime: PhantomData<&'a ()>,
}

impl Context<'_> {
    /// The device that is polled for.
    #[inline]
    pub fn device(&self) -> &Device {
        // SAFETY: By the type invariant the instance is added to a device, on which it holds a
        // count.
        unsafe { Device::from_raw(bindings::xl_napi_netdev(self.napi)) }
    }

    /// Allocates room for a received packet of `len` bytes.
    #[inline]
    pub fn alloc(&mut self, len: u32) -> Option<Unfilled> {
        // SAFETY: By the type invariant the instance is being polled.
        unsafe { Unfilled::new(self.napi, len) }
    }

    /// Hands a received packet to the stack.
    #[inline]
    pub fn receive(&mut self, skb: Received) {
        // SAFETY: The instance is being polled, and the packet is given away.
        unsafe { bindings::xl_napi_gro_receive(self.napi, skb.into_raw().as_ptr()) };
    }

    /// Whether somebody waits for packets by polling. The instance stays scheduled then, whatever the poll
    /// returns, and is polled once more when that ends.
    #[inline]
    pub fn is_busy_polling(&self) -> bool {
        // SAFETY: The instance is being polled.
        unsafe { bindings::xl_napi_busy_polling(self.napi) }
    }

    /// Has the stack take the packets that it holds back to merge them with later ones.
    #[inline]
    pub fn flush(&mut self) {
        // SAFETY: The instance is being polled.
        unsafe { bindings::xl_napi_gro_flush(self.napi) };
    }
}
