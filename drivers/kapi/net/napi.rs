// SPDX-License-Identifier: GPL-2.0

//! NAPI instances.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use crate::{
    bindings,
    net::{
        netdevice::{OwnDevice, OwnDeviceRef},
        receive::{Received, Unfilled},
        Rtnl,
    },
};
use core::{cell::UnsafeCell, marker::PhantomData, ops::Deref, ptr::null_mut};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Release},
        Arc,
    },
    types::Opaque,
};

/// What a NAPI instance polls.
pub trait Poll: Send + Sync + 'static {
    /// What only the poll may touch while the instance is enabled.
    type State: Send;

    /// Receives at most `budget` packets. Softirq context, one caller at a time. `budget` may be 0,
    /// when only transmission should be looked after, and what is returned does not matter.
    fn poll(&self, state: &mut Self::State, context: &mut Context<'_>, budget: u32) -> Polled;
}

/// What a poll found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// There may be more: poll again.
    More,
    /// After so many packets there is nothing to poll for, until something schedules the instance
    /// again. If something did so meanwhile, or somebody waits for packets by polling, it is polled
    /// again.
    Done(u32),
}

/// A NAPI instance with what it polls.
///
/// # Invariants
///
/// `enabled` is true as long as there is an [`Enabled`] of the instance, which is one at most.
/// `napi` is then initialised, added to a device and enabled, and `state` is `Some` and only
/// [`Poll::poll`] touches it, which the core serialises. Once `napi` was initialised, `live` is
/// true: an instance that was removed still refuses to be scheduled.
#[pin_data]
pub struct Napi<T: Poll> {
    #[pin]
    napi: Opaque<bindings::napi_struct>,
    enabled: Atomic<bool>,
    state: UnsafeCell<Option<T::State>>,
    live: Atomic<bool>,
    #[pin]
    inner: T,
}

// SAFETY: A NAPI instance may be scheduled from any context and thread; adding and removing is for
// whoever sets `enabled`, or has the `Enabled`. `T` and its state are `Send`.
unsafe impl<T: Poll> Send for Napi<T> {}
// SAFETY: As above; `T` is `Sync`, and the state is reached by one thread at a time: the one that
// polls while the instance is enabled, the one that enables or disables it otherwise.
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
                enabled: Atomic::new(false),
                state: UnsafeCell::new(None),
                live: Atomic::new(false),
                inner <- inner,
            }),
            GFP_KERNEL,
        )
    }

    /// Adds the instance to `dev` and enables it, with `state` for its poll, until what is returned
    /// is dropped. It serves the queues of the number `queue`, for sending and for receiving, which
    /// the device tells those who ask (netdev-genl); a number that it does not have is told to
    /// nobody. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is enabled already.
    pub fn enable(
        self: Arc<Self>,
        dev: &OwnDevice,
        queue: u16,
        state: T::State,
    ) -> Result<Enabled<T>> {
        // Whoever disabled it before has done with it.
        if self.enabled.cmpxchg(false, true, Full).is_err() {
            return Err(EBUSY);
        }
        // SAFETY: `enabled` was false, so by the type invariant the instance is not part of a
        // device and nobody polls; as we have set it, nobody else enables it.
        unsafe { *self.state.get() = Some(state) };
        // SAFETY: As above. The instance is pinned, and removed before it is freed or the device
        // goes: what is returned has a count on both until then.
        unsafe {
            bindings::xl_netif_napi_add(dev.as_raw(), self.napi.get(), Some(Self::poll_callback));
            bindings::napi_enable(self.napi.get());
        }
        // INVARIANT: Initialised for ever.
        self.live.store(true, Release);
        // INVARIANT: Added and enabled just now, by who has set `enabled`.
        let enabled = Enabled {
            napi: self,
            device: dev.into(),
            queue,
        };
        // SAFETY: By the type invariant the instance is part of the device until `enabled` is
        // dropped.
        unsafe { enabled.name_for_queues(enabled.napi.napi.get()) };
        Ok(enabled)
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
        // INVARIANT: By the function's contract. What is polled takes any lifetime, so it keeps
        // nothing of this one.
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
                // SAFETY: The instance is being polled. From here on another CPU may poll, and
                // nothing of the state is used any more.
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

/// An instance that is enabled, until this is dropped. Its state may have counts on the instance:
/// they end then, too.
///
/// # Invariants
///
/// The instance is added to the device and enabled, and this is the only value of its kind for it.
pub struct Enabled<T: Poll> {
    napi: Arc<Napi<T>>,
    device: OwnDeviceRef,
    queue: u16,
}

impl<T: Poll> Enabled<T> {
    /// Has the device name an instance, or null, as the one that serves the queues. Process
    /// context, RTNL not held.
    ///
    /// # Safety
    ///
    /// `napi` must be null, or stay part of the device until something else is named.
    unsafe fn name_for_queues(&self, napi: *mut bindings::napi_struct) {
        if !self.device.has_queue(self.queue) {
            return;
        }
        let kinds = [
            bindings::netdev_queue_type_NETDEV_QUEUE_TYPE_RX,
            bindings::netdev_queue_type_NETDEV_QUEUE_TYPE_TX,
        ];
        let _rtnl = Rtnl::lock();
        for kind in kinds {
            // SAFETY: A device of ours has as many queues for receiving as for sending, so it has
            // both. What they point to changes with RTNL held for a device without operations of
            // its own on queues, which ours is, and is looked at only then. By the function's
            // contract it is there as long.
            unsafe {
                let queue = self.queue.into();
                bindings::netif_queue_set_napi(self.device.as_raw(), queue, kind, napi);
            }
        }
    }
}

impl<T: Poll> Drop for Enabled<T> {
    /// Waits for a running poll, disables the instance, removes it from its device and drops its
    /// state. Process context, RTNL not held.
    fn drop(&mut self) {
        // SAFETY: Null leaves the queues without an instance, so there is nothing that has to stay.
        unsafe { self.name_for_queues(null_mut()) };
        let napi = &self.napi;
        // SAFETY: By the type invariant the instance was added and enabled, which ends here once.
        unsafe {
            bindings::napi_disable(napi.napi.get());
            bindings::xl_netif_napi_del(napi.napi.get());
        }
        // SAFETY: Nobody polls any more, and nobody enables the instance before `enabled` is false.
        let state = unsafe { (*napi.state.get()).take() };
        napi.enabled.store(false, Release);
        drop(state);
    }
}

/// Which instance of the kernel's it is, as long as it is enabled. It keeps nothing alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NapiId(pub(crate) u32);

/// A poll in progress.
///
/// # Invariants
///
/// `napi` is being polled by this task during `'a`.
pub struct Context<'a> {
    napi: *mut bindings::napi_struct,
    _lifetime: PhantomData<&'a ()>,
}

impl<'a> Context<'a> {
    /// The device that is polled for.
    #[inline]
    pub fn device(&self) -> &OwnDevice {
        // SAFETY: By the type invariant the instance is being polled, so it is enabled for a device
        // of our own, on which its `Enabled` has a count until no poll runs any more.
        unsafe { OwnDevice::from_raw(bindings::xl_napi_netdev(self.napi)) }
    }

    /// The instance that is polled.
    #[inline]
    pub fn id(&self) -> NapiId {
        // SAFETY: By the type invariant the instance is being polled.
        NapiId(unsafe { bindings::xl_napi_id(self.napi) })
    }

    /// Allocates room for a received packet of `len` bytes.
    #[inline]
    pub fn alloc(&mut self, len: u32) -> Option<Unfilled<'a>> {
        // SAFETY: By the type invariant the instance is being polled during `'a`.
        unsafe { Unfilled::new(self.napi, len) }
    }

    /// Hands a received packet to the stack.
    #[inline]
    pub fn receive(&mut self, skb: Received<'a>) {
        // SAFETY: The instance is being polled by this task, so its packets that are being merged
        // are this task's to touch. The packet is given away.
        unsafe { bindings::xl_napi_gro_receive(self.napi, skb.into_raw().as_ptr()) };
    }

    /// Whether somebody waits for packets by polling. The instance stays scheduled then, whatever
    /// the poll returns, and is polled once more when that ends.
    #[inline]
    pub fn is_busy_polling(&self) -> bool {
        // SAFETY: The instance is being polled, so it is there; its state is read whole.
        unsafe { bindings::xl_napi_busy_polling(self.napi) }
    }

    /// Has the stack take the packets that it holds back to merge them with later ones.
    #[inline]
    pub fn flush(&mut self) {
        // SAFETY: The instance is being polled by this task, so its packets that are being merged
        // are this task's to touch.
        unsafe { bindings::xl_napi_gro_flush(self.napi) };
    }
}
