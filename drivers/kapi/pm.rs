// SPDX-License-Identifier: GPL-2.0

//! Being told of suspend and resume, by way of a platform device without hardware.
//!
//! Xen suspends a guest (to save or migrate it) as Linux hibernates: devices are frozen while
//! XenStore still answers; afterwards they are restored, perhaps as another domain on another
//! host, or thawed if the suspend was cancelled (drivers/xen/manage.c).
//!
//! C headers: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h),
//! [`include/linux/pm.h`](srctree/include/linux/pm.h)

use crate::bindings;
use core::mem::MaybeUninit;
use kernel::{
    error::{from_err_ptr, to_result},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    types::Opaque,
};

/// What a suspend runs. All in process context; user space is frozen.
pub trait Handler: Send + Sync + 'static {
    /// The guest is about to be suspended: nothing of another domain's may be held when this
    /// returns.
    fn freeze(&self);

    /// The guest goes on, as the same domain or as another.
    fn resume(&self);
}

/// A registration for suspend and resume.
///
/// # Invariants
///
/// `driver` is registered if `registered`, and `device` then is null or a device of its name.
#[pin_data(PinnedDrop)]
pub struct Registration<T: Handler> {
    #[pin]
    driver: Opaque<bindings::platform_driver>,
    device: Atomic<*mut bindings::platform_device>,
    handler: T,
    registered: Atomic<bool>,
}

// SAFETY: Driver and device may be unregistered by any thread; `T: Send`.
unsafe impl<T: Handler> Send for Registration<T> {}
// SAFETY: Nothing can be done with a shared reference; the handler is `Sync`.
unsafe impl<T: Handler> Sync for Registration<T> {}

impl<T: Handler> Registration<T> {
    const OPS: bindings::dev_pm_ops = {
        // SAFETY: The structure consists of optional function pointers, for which zero is `None`.
        let mut ops: bindings::dev_pm_ops = unsafe { MaybeUninit::zeroed().assume_init() };
        ops.freeze = Some(Self::freeze);
        ops.thaw = Some(Self::resume);
        ops.restore = Some(Self::resume);
        ops
    };

    /// Registers `handler` under `name`. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EEXIST` if the name is taken, `ENODEV` if the kernel is not to bind drivers to
    /// devices by itself (`drivers_autoprobe`): nobody would be told then.
    pub fn new(
        name: &'static CStr,
        module: &'static ThisModule,
        handler: T,
    ) -> Result<Pin<KBox<Self>>> {
        // Shared from the first: the guest may be suspended before this has returned.
        let this = KBox::pin_init(
            pin_init!(Self {
                driver: Opaque::zeroed(),
                device: Atomic::new(core::ptr::null_mut()),
                handler,
                registered: Atomic::new(false),
            }),
            GFP_KERNEL,
        )?;
        let driver = this.driver.get();
        // SAFETY: The driver is not registered yet, so it is ours to fill in; it is pinned, and
        // unregistered before it is freed. The operations and the name are constants.
        to_result(unsafe {
            (*driver).driver.name = name.as_char_ptr();
            (*driver).driver.pm = &Self::OPS;
            // Without a driver the device would be suspended without anybody being told.
            (*driver).driver.suppress_bind_attrs = true;
            (*driver).driver.probe_type = bindings::probe_type_PROBE_FORCE_SYNCHRONOUS;
            bindings::__platform_driver_register(driver, module.as_ptr(), name.as_char_ptr())
        })?;
        // INVARIANT: Registered, with no device yet.
        this.registered.store(true, Relaxed);
        let info = bindings::platform_device_info {
            name: name.as_char_ptr(),
            id: bindings::PLATFORM_DEVID_NONE,
            ..Default::default()
        };
        // SAFETY: The description is complete, and only read during the call.
        let device = from_err_ptr(unsafe { bindings::platform_device_register_full(&info) })?;
        // INVARIANT: The driver of this name is ours.
        this.device.store(device, Relaxed);
        // SAFETY: The device is registered, and is as long as `this` is. By hand (`drivers_probe`)
        // its driver may be bound at this moment; then it does not matter which value is read.
        let bound = unsafe { (&raw const (*device).dev.driver).read_volatile() };
        if bound.is_null() {
            return Err(ENODEV);
        }
        Ok(this)
    }

    /// # Safety
    ///
    /// `dev` must be bound to the driver of a `Self` that lives as long as the result.
    unsafe fn handler<'a>(dev: *mut bindings::device) -> &'a T {
        // SAFETY: By the function's contract its driver is inside a `platform_driver` ...
        let driver =
            unsafe { kernel::container_of!((*dev).driver, bindings::platform_driver, driver) };
        // SAFETY: ... that is inside a `Self`.
        unsafe { &(*kernel::container_of!(Opaque::cast_from(driver), Self, driver)).handler }
    }

    /// # Safety
    ///
    /// As for [`Self::handler`], until this returns.
    unsafe extern "C" fn freeze(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { Self::handler(dev) }.freeze();
        0
    }

    /// # Safety
    ///
    /// As for [`Self::handler`], until this returns.
    unsafe extern "C" fn resume(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { Self::handler(dev) }.resume();
        0
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        if self.registered.load(Relaxed) {
            // SAFETY: By the type invariant the driver is registered, and so is the device if
            // there is one (the callee ignores null). Both calls wait for running callbacks.
            unsafe {
                bindings::platform_device_unregister(self.device.load(Relaxed));
                bindings::platform_driver_unregister(self.driver.get());
            }
        }
    }
}
