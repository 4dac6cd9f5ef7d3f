// SPDX-License-Identifier: GPL-2.0

//! Allocations that fail where a test wants them to, on any kernel that has kprobes.
//!
//! Only a module for tests has a use for this, so it is a crate of its own, which no other module
//! contains.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)

use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
    types::Opaque,
};

/// Bindings that the kernel's own `bindings` crate lacks, as those of kapi.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    dead_code
)]
mod bindings {
    pub(crate) use kernel::bindings::*;
    use kernel::ffi;

    include!("bindings_generated.rs");
}

/// A function of the kernel's whose callers can take it that it returned NULL, or 0, and did
/// nothing: not every function is one, so nobody else makes any.
#[derive(Clone, Copy)]
pub struct Function(&'static CStr);

impl Function {
    /// Its name.
    pub const fn name(self) -> &'static CStr {
        self.0
    }
}

/// The kernel's functions that allocate memory and return NULL if there is none; those that only
/// call another one of these are left out. Not every kernel has all: without NUMA,
/// `alloc_pages_noprof` is inlined, and what it calls is `__alloc_pages_noprof`. None of what xlnet
/// allocates may not fail (`__GFP_NOFAIL`).
pub const ALLOCATORS: [Function; 14] = [
    Function(c"__kmalloc_noprof"),
    Function(c"__kmalloc_node_noprof"),
    Function(c"__kmalloc_node_track_caller_noprof"),
    Function(c"__kmalloc_cache_noprof"),
    Function(c"__kmalloc_cache_node_noprof"),
    Function(c"__kvmalloc_node_noprof"),
    Function(c"kmem_cache_alloc_noprof"),
    Function(c"kmem_cache_alloc_node_noprof"),
    Function(c"kmem_cache_alloc_lru_noprof"),
    Function(c"alloc_pages_noprof"),
    Function(c"__alloc_pages_noprof"),
    Function(c"get_free_pages_noprof"),
    Function(c"__vmalloc_node_range_noprof"),
    Function(c"pcpu_alloc_noprof"),
];

/// What removes something from XenStore.
pub const XENBUS_RM: Function = Function(c"xenbus_rm");

/// What makes a set of objects in sysfs. A net device has one, without which it is not registered.
pub const KSET_CREATE_AND_ADD: Function = Function(c"kset_create_and_add");

/// How far up the callers are known.
const DEPTH: usize = 48;

/// Decides which calls fail.
pub trait Injector: Send + Sync + 'static {
    /// Whether a call of `function` is to return NULL. Asked in process context only, as what an
    /// interrupt allocates is not for those whom it interrupted; must neither sleep nor allocate.
    fn fails(&self, function: Function, callers: &Callers) -> bool;
}

/// Who called a function: return addresses, the innermost first.
pub struct Callers {
    addresses: [c_ulong; DEPTH],
    len: usize,
}

impl Callers {
    fn new() -> Self {
        let mut this = Self {
            addresses: [0; DEPTH],
            len: 0,
        };
        // SAFETY: There is room for so many.
        let len =
            unsafe { bindings::stack_trace_save(this.addresses.as_mut_ptr(), DEPTH as c_uint, 0) };
        this.len = len as usize;
        this
    }

    /// The addresses.
    pub fn iter(&self) -> impl Iterator<Item = c_ulong> + '_ {
        self.addresses.iter().take(self.len).copied()
    }
}

/// The name of an address, as `function+offset/size [module]`.
pub struct Symbol {
    text: [u8; bindings::XL_SYMBOL_LEN as usize],
    len: usize,
}

impl Symbol {
    /// Looks an address up. Any context.
    pub fn of(address: c_ulong) -> Self {
        let mut this = Self {
            text: [0; bindings::XL_SYMBOL_LEN as usize],
            len: 0,
        };
        // SAFETY: The buffer is as large as the callee wants it to be (see fault.c).
        let len = unsafe { bindings::sprint_symbol(this.text.as_mut_ptr().cast(), address) };
        this.len = usize::try_from(len).unwrap_or(0);
        this
    }

    /// The name.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// The name, for people.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// A function whose calls may fail; dropping this ends it, and waits for a decision under way.
///
/// # Invariants
///
/// If `registered`, `probe` is, with [`Self::enter`] as its handler.
#[pin_data(PinnedDrop)]
pub struct Probe<I: Injector> {
    #[pin]
    probe: Opaque<bindings::kprobe>,
    function: Function,
    injector: Arc<I>,
    registered: Atomic<bool>,
}

// SAFETY: A registered probe may be unregistered from any thread; `Arc<I>` is `Send` as `I` is
// both.
unsafe impl<I: Injector> Send for Probe<I> {}
// SAFETY: Nothing can be done with a shared reference; the injector is `Sync`.
unsafe impl<I: Injector> Sync for Probe<I> {}

impl<I: Injector> Probe<I> {
    /// Has `injector` decide about the calls of `function`. Process context.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the kernel has no such function, `ENOMEM`, and those of the kernel for functions
    /// that cannot be probed.
    pub fn new(function: Function, injector: Arc<I>) -> Result<Pin<KBox<Self>>> {
        // Shared from the first: the function may be called before this has returned.
        let this = KBox::pin_init(
            pin_init!(Self {
                probe: Opaque::zeroed(),
                function,
                injector,
                registered: Atomic::new(false),
            }),
            GFP_KERNEL,
        )?;
        let probe = this.probe.get();
        // SAFETY: The probe is not registered, so it is ours to fill in; the name is static.
        unsafe {
            bindings::xl_fault_probe_init(probe, function.0.as_char_ptr(), Some(Self::enter));
        }
        // SAFETY: The probe is filled in, and unregistered before it goes.
        to_result(unsafe { bindings::register_kprobe(probe) })?;
        // INVARIANT: Just registered.
        this.registered.store(true, Relaxed);
        Ok(this)
    }

    /// # Safety
    ///
    /// `probe` must be the `probe` of a `Self` that lives until this returns, and `regs` what its
    /// function was called with.
    unsafe extern "C" fn enter(
        probe: *mut bindings::kprobe,
        regs: *mut bindings::pt_regs,
    ) -> c_int {
        // SAFETY: By the function's contract `probe` is embedded in a `Self` that lives, since
        // whoever drops it waits for this call.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(probe), Self, probe) };
        // SAFETY: Without preconditions.
        if unsafe { bindings::xl_fault_in_interrupt() }
            || !this.injector.fails(this.function, &Callers::new())
        {
            return 0;
        }
        // SAFETY: The registers are valid and ours to change while the handler runs. None of the
        // function's instructions have run, so to return from an empty one is to return from it,
        // and as it is a `Function` its callers can take that.
        unsafe { bindings::xl_fault_return_null(regs) };
        1
    }
}

#[pinned_drop]
impl<I: Injector> PinnedDrop for Probe<I> {
    fn drop(self: Pin<&mut Self>) {
        if self.registered.load(Relaxed) {
            // SAFETY: By the type invariant the probe is registered.
            unsafe { bindings::unregister_kprobe(self.probe.get()) };
        }
    }
}
