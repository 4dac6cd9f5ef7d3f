// SPDX-License-Identifier: GPL-2.0

//! The `avoid=` parameter, which may be written while the module is loaded.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use crate::bindings;
use core::cell::UnsafeCell;
use kernel::{prelude::*, sync::Arc, ThisModule};

/// The kernel reads a parameter into a page.
const PAGE: usize = kernel::page::PAGE_SIZE;

/// Who takes the values.
pub trait Setting: Send + Sync + 'static {
    /// Takes a value, without the white space around it. Process context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is none; the one before stays then. `ENOMEM`.
    fn set(&self, value: &str) -> Result;
}

/// The parameter.
struct Parameter {
    /// As it was written last.
    text: KVec<u8>,
    setting: Option<Arc<dyn Setting>>,
}

impl Parameter {
    fn set(&mut self, text: &[u8]) -> Result {
        let text = text.trim_ascii();
        // With its newline it must be less than a page, which sysfs takes for an overrun.
        if text.len() + 1 >= PAGE {
            return Err(E2BIG);
        }
        let mut copy = KVec::new();
        copy.extend_from_slice(text, GFP_KERNEL)?;
        if let Some(setting) = &self.setting {
            setting.set(as_str(text)?)?;
        }
        self.text = copy;
        Ok(())
    }
}

fn as_str(text: &[u8]) -> Result<&str> {
    core::str::from_utf8(text).map_err(|_| EINVAL)
}

/// A value that belongs to whoever holds the module's param lock, or is alone with the module as
/// the kernel is that loads or frees it.
struct ParamLocked<T>(UnsafeCell<T>);

// SAFETY: Whoever looks at it holds the param lock, or is alone with the module: so it is one
// thread's at a time, for which `T: Send` will do.
unsafe impl<T: Send> Sync for ParamLocked<T> {}

static PARAMETER: ParamLocked<Parameter> = ParamLocked(UnsafeCell::new(Parameter {
    text: KVec::new(),
    setting: None,
}));

/// Hands the parameter's values to a setting until it is dropped.
pub struct Registration {
    module: &'static ThisModule,
}

impl Registration {
    /// Hands the present value, and those to come, to `setting`. There can be one registration at a
    /// time. Process context, not from within [`Setting::set`].
    ///
    /// # Errors
    ///
    /// The setting's, of the present value; `EBUSY` if there is a registration.
    pub fn new(module: &'static ThisModule, setting: Arc<dyn Setting>) -> Result<Self> {
        Self::with(module, |parameter| {
            if parameter.setting.is_some() {
                return Err(EBUSY);
            }
            setting.set(as_str(&parameter.text)?)?;
            parameter.setting = Some(setting);
            Ok(())
        })?;
        Ok(Self { module })
    }

    /// Does something with the parameter, alone with it.
    fn with<R>(module: &ThisModule, act: impl FnOnce(&mut Parameter) -> R) -> R {
        // SAFETY: The module is loaded, as this is its code.
        unsafe { bindings::kernel_param_lock(module.as_ptr()) };
        // SAFETY: The lock is held until below. `act` is from this file and does not come here
        // again; a setting cannot, as it would wait for the lock.
        let result = act(unsafe { &mut *PARAMETER.0.get() });
        // SAFETY: It was locked above.
        unsafe { bindings::kernel_param_unlock(module.as_ptr()) };
        result
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // What it was may be dropped outside.
        let _setting = Self::with(self.module, |parameter| parameter.setting.take());
    }
}

/// The parameter is written. Process context.
///
/// # Safety
///
/// `text` must be NUL-terminated, and the caller alone with the parameter.
#[no_mangle]
unsafe extern "C" fn xl_avoid_set(text: *const c_char) -> c_int {
    // SAFETY: By the function's contract.
    let (text, parameter) = unsafe { (CStr::from_char_ptr(text), &mut *PARAMETER.0.get()) };
    match parameter.set(text.to_bytes()) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// The parameter is read. Process context. Returns how many bytes it has.
///
/// # Safety
///
/// `page` must be a page that may be written to, and the caller alone with the parameter.
#[no_mangle]
unsafe extern "C" fn xl_avoid_get(page: *mut c_char) -> c_int {
    // SAFETY: By the function's contract.
    let (page, parameter) = unsafe { (&mut *page.cast::<[u8; PAGE]>(), &mut *PARAMETER.0.get()) };
    let line = Iterator::chain(parameter.text.iter(), b"\n");
    let mut len = 0;
    for (to, &byte) in page.iter_mut().zip(line) {
        *to = byte;
        len += 1;
    }
    len
}

/// The module is gone.
///
/// # Safety
///
/// The caller must be alone with the parameter.
#[no_mangle]
unsafe extern "C" fn xl_avoid_free() {
    // SAFETY: By the function's contract.
    unsafe { (*PARAMETER.0.get()).text = KVec::new() };
}
