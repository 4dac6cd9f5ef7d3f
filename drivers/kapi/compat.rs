// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernels that this tree is built for, in one form for all of them.
//!
//! Nothing outside this file and `compat.mk`, which sets the conditions used here, may depend on
//! the kernel's version. Each entry says which kernels need it; `docs/kernels.md` has the list.

/// Errors that Linux 7.3 names, and the kernel crate lacks before.
pub mod errno {
    macro_rules! errors {
        ($($name:ident)*) => {
            #[cfg(not(xlnet_before_7_3))]
            pub use kernel::error::code::{$($name),*};
            $(
                #[cfg(xlnet_before_7_3)]
                #[allow(missing_docs)]
                pub const $name: kernel::error::Error = before_7_3(kernel::bindings::$name);
            )*
        };
    }

    errors! { EAFNOSUPPORT EBADMSG EDQUOT EILSEQ ENETUNREACH ENOBUFS EOPNOTSUPP }

    #[cfg(xlnet_before_7_3)]
    const fn before_7_3(number: u32) -> kernel::error::Error {
        use core::mem::transmute;
        use kernel::{
            bindings,
            error::{code, Error},
        };

        const {
            assert!(size_of::<Error>() == size_of::<i32>());
            // SAFETY: Both are of one size, as just asserted, and any bytes make an `i32`.
            let number = unsafe { transmute::<Error, i32>(code::ENOENT) };
            assert!(number == -(bindings::ENOENT as i32));
        }
        assert!(0 < number && number <= bindings::MAX_ERRNO);
        // SAFETY: `Error` has one field, a `NonZero<i32>`, and by the assertions above nothing
        // else and the number as it is; by the last one the value keeps its invariant.
        unsafe { transmute::<i32, Error>(-(number as i32)) }
    }
}

/// Linux 7.3 has this in `kernel::sync::rcu`.
pub(crate) mod rcu {
    #[cfg(not(xlnet_before_7_3))]
    pub(crate) use kernel::sync::rcu::synchronize_rcu;

    /// Waits for all RCU read-side critical sections of now to end. Process context.
    #[cfg(xlnet_before_7_3)]
    pub(crate) fn synchronize_rcu() {
        // SAFETY: This may always be called from process context; it only waits.
        unsafe { kernel::bindings::synchronize_rcu() };
    }
}

/// Linux 7.3 has a type of its own for this; before, it is a plain number.
#[cfg(not(xlnet_before_7_3))]
pub(crate) const IRQ_HANDLED: crate::bindings::irqreturn_t =
    crate::bindings::irqreturn::IRQ_HANDLED;
#[cfg(xlnet_before_7_3)]
pub(crate) const IRQ_HANDLED: crate::bindings::irqreturn_t = crate::bindings::irqreturn_IRQ_HANDLED;

/// Returns the value of a parameter that `module!` declares. Any context.
///
/// Linux 7.3 gives a copy of it; before, a reference. Before, too, `module!` knows no `bool`, so
/// what is on or off is an `u8`.
pub fn param_value<T: Copy>(param: &kernel::module_param::ModuleParamAccess<T>) -> T {
    #[cfg(not(xlnet_before_7_3))]
    return param.value();
    #[cfg(xlnet_before_7_3)]
    *param.value()
}
