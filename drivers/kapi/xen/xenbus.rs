// SPDX-License-Identifier: GPL-2.0

//! XenStore: reading, writing, watching.
//!
//! All functions are for process context and may wait for xenstored. Relative paths are below
//! `/local/domain/<this domain>`. What is too long for one request, 4096 bytes of path and value,
//! is refused with `E2BIG`.
//!
//! C header: [`include/xen/xenbus.h`](srctree/include/xen/xenbus.h)

use crate::{
    bindings,
    errno::EILSEQ,
    sync::FreezableCompletion,
    work::{Work, Worker},
};
use core::{ops::Deref, ptr::NonNull};
use kernel::{
    error::{from_err_ptr, to_result},
    fmt,
    prelude::*,
    str::CString,
    sync::{
        atomic::{Acquire, Atomic, Release},
        Arc,
    },
    time::{delay::fsleep, Delta},
    types::Opaque,
};

/// A value that was read.
///
/// # Invariants
///
/// `data` is a `kmalloc` allocation of at least `len` bytes, all UTF-8, owned by this value.
pub struct Value {
    data: NonNull<u8>,
    len: usize,
}

// SAFETY: By the type invariant the bytes belong to the value alone, whichever thread has it.
unsafe impl Send for Value {}
// SAFETY: Through a shared reference they can only be read.
unsafe impl Sync for Value {}

impl Deref for Value {
    type Target = str;

    fn deref(&self) -> &str {
        // SAFETY: By the type invariant the bytes are valid and owned.
        let bytes = unsafe { core::slice::from_raw_parts(self.data.as_ptr(), self.len) };
        // SAFETY: By the type invariant they are UTF-8.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is our allocation.
        unsafe { bindings::kfree(self.data.as_ptr().cast()) };
    }
}

/// The names below a node.
///
/// # Invariants
///
/// `names` is a `kmalloc` allocation of `len` pointers to NUL-terminated strings inside it, owned
/// by this value.
pub struct Directory {
    names: NonNull<*mut c_char>,
    len: usize,
}

impl Directory {
    /// The names, those that are not UTF-8 left out.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        // SAFETY: By the type invariant there are `len` pointers.
        let names = unsafe { core::slice::from_raw_parts(self.names.as_ptr(), self.len) };
        names.iter().filter_map(|&name| {
            // SAFETY: By the type invariant the string is NUL-terminated and lives as long as
            // `self`, from which the item borrows.
            unsafe { CStr::from_char_ptr(name) }.to_str().ok()
        })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is our allocation; the strings are inside it.
        unsafe { bindings::kfree(self.names.as_ptr().cast()) };
    }
}

/// No transaction: each call stands for itself.
const NONE: Transaction = Transaction(0);

/// Paths are passed whole, with no name below them.
const SELF: &CStr = c"";

/// The path of a request that has so many bytes `beside` it.
///
/// The kernel sends what it is given, and xenstored serves a domain that has sent more than
/// `XENSTORE_PAYLOAD_MAX` bytes at once no more, whoever in it asks.
///
/// # Errors
///
/// `E2BIG` for such a request.
fn path_of_request(path: fmt::Arguments<'_>, beside: usize) -> Result<CString> {
    let path = CString::try_from_fmt(path)?;
    if path.to_bytes_with_nul().len() + beside > bindings::XENSTORE_PAYLOAD_MAX as usize {
        return Err(E2BIG);
    }
    Ok(path)
}

/// Reads a node. `Ok(None)` if there is no such node.
///
/// # Errors
///
/// xenstored's errors, and `EILSEQ` for a value that is not UTF-8.
pub fn read(path: fmt::Arguments<'_>) -> Result<Option<Value>> {
    NONE.read(path)
}

/// The same of a node that anybody may have written: a value that is not even UTF-8 counts as none.
///
/// # Errors
///
/// xenstored's errors.
pub fn read_claim(path: fmt::Arguments<'_>) -> Result<Option<Value>> {
    match read(path) {
        Err(EILSEQ) => Ok(None),
        other => other,
    }
}

/// Lists the names below a node. `Ok(None)` if there is no such node.
///
/// # Errors
///
/// xenstored's errors.
pub fn directory(path: fmt::Arguments<'_>) -> Result<Option<Directory>> {
    let path = path_of_request(path, 0)?;
    let mut len = 0;
    // SAFETY: The strings are NUL-terminated and `len` is valid for writes.
    let names = from_err_ptr(unsafe {
        bindings::xenbus_directory(
            NONE.handle(),
            path.as_char_ptr(),
            SELF.as_char_ptr(),
            &mut len,
        )
    });
    match names {
        Err(ENOENT) => Ok(None),
        other => {
            let names = NonNull::new(other?).ok_or(ENOENT)?;
            // INVARIANT: That is what `xenbus_directory` returns.
            Ok(Some(Directory {
                names,
                len: len as usize,
            }))
        }
    }
}

/// Writes a node, creating it and its parents.
///
/// # Errors
///
/// xenstored's errors, among them `ENOSPC` when the domain's quota is used up.
pub fn write(path: fmt::Arguments<'_>, value: fmt::Arguments<'_>) -> Result {
    NONE.write(path, value)
}

/// Removes a node and all below it. A node that is not there is no error.
///
/// # Errors
///
/// xenstored's errors.
pub fn remove(path: fmt::Arguments<'_>) -> Result {
    NONE.remove(path)
}

/// So often a transaction is tried that others interfere with.
const ATTEMPTS: u32 = 16;

/// How often it is tried again to end one for which there is no memory, in milliseconds.
const NO_MEMORY_MS: i64 = 10;

/// Reads and writes that take effect together, or not at all.
pub struct Transaction(u32);

impl Transaction {
    const fn handle(&self) -> bindings::xenbus_transaction {
        bindings::xenbus_transaction { id: self.0 }
    }

    /// Runs `work` in a transaction, which takes effect unless `work` fails. If what it read is
    /// changed by others meanwhile, nothing takes effect and `work` runs once more.
    ///
    /// # Errors
    ///
    /// Those of `work`, xenstored's, and `EAGAIN` if others interfered too often.
    pub fn run(mut work: impl FnMut(&Self) -> Result) -> Result {
        for _ in 0..ATTEMPTS {
            let mut id = bindings::xenbus_transaction { id: 0 };
            // SAFETY: `id` is valid for writes.
            to_result(unsafe { bindings::xenbus_transaction_start(&mut id) })?;
            let this = Self(id.id);
            let result = work(&this);
            let ended = this.end(result.is_err());
            result?;
            if ended != Err(EAGAIN) {
                return ended;
            }
        }
        Err(EAGAIN)
    }

    /// Ends the transaction. One that stays open keeps xenstored from being replaced, and this
    /// domain from being suspended, so if there is no memory to say that it ends, this waits for
    /// some.
    fn end(self, abort: bool) -> Result {
        loop {
            // SAFETY: The transaction was started and has not ended: without memory nothing was
            // sent. (Should xenstored have had none, it has ended it, and says next that there is
            // no such transaction, of which the kernel warns once.)
            let error = unsafe { bindings::xenbus_transaction_end(self.handle(), abort) };
            match to_result(error) {
                Err(ENOMEM) => {}
                ended => return ended,
            }
            fsleep(Delta::from_millis(NO_MEMORY_MS));
        }
    }

    /// [`read`], in the transaction.
    ///
    /// # Errors
    ///
    /// Those of [`read`].
    pub fn read(&self, path: fmt::Arguments<'_>) -> Result<Option<Value>> {
        let path = path_of_request(path, 0)?;
        let mut len = 0;
        // SAFETY: The strings are NUL-terminated and `len` is valid for writes.
        let data = from_err_ptr(unsafe {
            bindings::xenbus_read(
                self.handle(),
                path.as_char_ptr(),
                SELF.as_char_ptr(),
                &mut len,
            )
        });
        let data = match data {
            Err(ENOENT) => return Ok(None),
            other => NonNull::new(other?.cast::<u8>()).ok_or(ENOENT)?,
        };
        // Owned from here on, whatever the check says. INVARIANT: An empty string is UTF-8.
        let mut value = Value { data, len: 0 };
        // SAFETY: `xenbus_read` returned a `kmalloc` allocation of `len` bytes and a NUL.
        let bytes = unsafe { core::slice::from_raw_parts(data.as_ptr(), len as usize) };
        core::str::from_utf8(bytes).map_err(|_| EILSEQ)?;
        // INVARIANT: Just checked.
        value.len = bytes.len();
        Ok(Some(value))
    }

    /// [`write`], in the transaction.
    ///
    /// # Errors
    ///
    /// Those of [`write`].
    pub fn write(&self, path: fmt::Arguments<'_>, value: fmt::Arguments<'_>) -> Result {
        let value = CString::try_from_fmt(value)?;
        let path = path_of_request(path, value.count_bytes())?;
        // SAFETY: All strings are NUL-terminated.
        to_result(unsafe {
            bindings::xenbus_write(
                self.handle(),
                path.as_char_ptr(),
                SELF.as_char_ptr(),
                value.as_char_ptr(),
            )
        })
    }

    /// [`remove`], in the transaction.
    ///
    /// # Errors
    ///
    /// Those of [`remove`].
    pub fn remove(&self, path: fmt::Arguments<'_>) -> Result {
        let path = path_of_request(path, 0)?;
        // SAFETY: The strings are NUL-terminated.
        let error =
            unsafe { bindings::xenbus_rm(self.handle(), path.as_char_ptr(), SELF.as_char_ptr()) };
        match to_result(error) {
            Err(ENOENT) => Ok(()),
            other => other,
        }
    }
}

/// What a change of a watched node runs.
pub trait WatchHandler: Send + Sync + 'static {
    /// Called for each change of the watched node or one below it, with that node's path, and once
    /// right after the watch was set, perhaps with others at the same time. Runs in the kernel's
    /// one XenStore watch thread otherwise: it must not wait for XenStore.
    fn changed(&self, path: &str);

    /// So many events wait to be handled that this one is not worth keeping, provided that the
    /// handler takes note that anything below the watched node may have changed. Returns whether it
    /// has; the event is kept otherwise. Any context, must not sleep.
    ///
    /// Whoever may write below a watched node could use up memory by doing so faster than events
    /// are handled.
    fn overrun(&self) -> bool {
        false
    }
}

/// So many events of one watch may wait.
const MAX_PENDING: c_uint = 64;

/// What the kernel sends with a watch: its address in hexadecimal digits, and a NUL.
const TOKEN_BYTES: usize = 2 * size_of::<usize>() + 1;

/// How many places in memory are tried for a watch.
const PLACES: u32 = 8;

/// A watch on a node and all below it; dropping it ends the watch and waits for its handler.
///
/// # Invariants
///
/// The watch is registered.
pub struct Watch<H: WatchHandler>(Arc<Worker<Watched<H>>>);

/// What the kernel knows a watch by, which ends it from a thread of its own.
///
/// # Invariants
///
/// If `watch` is registered, its callback is [`Self::callback`], and `node` in it points to `path`.
/// Unless `is_set`, no event of it waits to be handled, nor is being handled.
#[pin_data]
struct Watched<H: WatchHandler> {
    #[pin]
    watch: Opaque<bindings::xenbus_watch>,
    /// Whether xenstored has taken the watch.
    is_set: Atomic<bool>,
    path: CString,
    handler: Arc<H>,
    #[pin]
    ended: FreezableCompletion,
}

// SAFETY: A registered watch may be unregistered from any thread; `Arc<H>` is `Send` as `H` is
// both.
unsafe impl<H: WatchHandler> Send for Watched<H> {}
// SAFETY: Only `Watch` touches the watch through a shared reference, and the kernel, which has
// locks of its own for that; the handler and the completion are `Sync`.
unsafe impl<H: WatchHandler> Sync for Watched<H> {}

impl<H: WatchHandler> Watch<H> {
    /// Sets a watch. Process context.
    ///
    /// # Errors
    ///
    /// xenstored's errors, `ENOMEM`.
    pub fn new(path: fmt::Arguments<'_>, handler: H) -> Result<Self> {
        Self::at_new_place(path, &Arc::new(handler, GFP_KERNEL)?, PLACES)
    }

    /// Sets a watch, at one of so many places in memory.
    ///
    /// xenstored tells watches by their node and where they lie. One that the kernel had no memory
    /// to end is still there, though nobody hears of it. One of the same node that is then put in
    /// its place is refused with `EEXIST`; one of another node hears of both, see
    /// [`Watched::changed`].
    fn at_new_place(path: fmt::Arguments<'_>, handler: &Arc<H>, places: u32) -> Result<Self> {
        let name = path_of_request(path, TOKEN_BYTES)?;
        let worker = crate::new_worker!(pin_init!(Watched {
            watch: Opaque::zeroed(),
            is_set: Atomic::new(false),
            path: name,
            handler: handler.clone(),
            ended <- FreezableCompletion::new(),
        }))?;
        let watched = worker.get();
        let watch = watched.watch.get();
        // SAFETY: The watch is not registered and nobody else knows of it, so it is ours to fill
        // in; the string lives as long as the watch.
        unsafe {
            (*watch).node = watched.path.as_char_ptr();
            (*watch).callback = Some(Watched::<H>::callback);
            (*watch).will_handle = Some(Watched::<H>::will_handle);
        }
        // SAFETY: The watch is filled in. It is pinned, as its worker is in an `Arc`, which is kept
        // until the watch is unregistered.
        match to_result(unsafe { bindings::register_xenbus_watch(watch) }) {
            Ok(()) => {
                watched.is_set.store(true, Release);
                // What happened before was refused, the event among it that tells of the watch
                // itself.
                watched.changed(&watched.path);
                // INVARIANT: Registered.
                Ok(Self(worker))
            }
            // This one is kept meanwhile, so the next lies elsewhere.
            Err(EEXIST) if places > 1 => Self::at_new_place(path, handler, places - 1),
            Err(error) => Err(error),
        }
    }
}

impl<H: WatchHandler> Drop for Watch<H> {
    /// Process context, not from within a handler.
    ///
    /// The kernel ends a watch only between two events, and that of being suspended lasts until the
    /// guest goes on. It begins with freezing all tasks, and would fail if one could not be frozen
    /// because it waits for just that. So a thread of the kernel waits, which need not be frozen,
    /// and the task for that thread, which it may be.
    fn drop(&mut self) {
        self.0.kick();
        self.0.get().ended.wait();
    }
}

impl<H: WatchHandler> Work for Watched<H> {
    fn run(&self, _worker: &Worker<Self>) {
        // SAFETY: Only dropping a `Watch` has this run, which happens once; by its invariant the
        // watch is registered. The call waits for a running callback.
        unsafe { bindings::unregister_xenbus_watch(self.watch.get()) };
        self.ended.complete_all();
    }
}

impl<H: WatchHandler> Watched<H> {
    /// Passes on what is of the watched node, and not of one that was watched from the same place.
    fn changed(&self, path: &CStr) {
        let below = path.to_bytes().strip_prefix(self.path.to_bytes());
        if let (Some([] | [b'/', ..]), Ok(path)) = (below, path.to_str()) {
            self.handler.changed(path);
        }
    }

    /// Whether an event is to wait for the watch thread.
    ///
    /// A watch that xenstored refuses is freed, and the kernel does not look then whether events of
    /// it wait. There may be some: of a watch that lay in its place before, see
    /// [`Watch::at_new_place`].
    ///
    /// # Safety
    ///
    /// `watch` must be the one inside a `Self` that lives until this returns.
    unsafe extern "C" fn will_handle(
        watch: *mut bindings::xenbus_watch,
        _path: *const c_char,
        _token: *const c_char,
    ) -> bool {
        // SAFETY: By the function's contract. The count may change meanwhile; which of its values
        // is read does not matter.
        let pending = unsafe { (&raw const (*watch).nr_pending).read_volatile() };
        // SAFETY: By the function's contract.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(watch), Self, watch) };
        // INVARIANT: Before the watch is set no event comes to wait.
        this.is_set.load(Acquire) && (pending < MAX_PENDING || !this.handler.overrun())
    }

    /// # Safety
    ///
    /// `watch` must be the one inside a `Self` that lives until this returns, `path` a
    /// NUL-terminated string.
    unsafe extern "C" fn callback(
        watch: *mut bindings::xenbus_watch,
        path: *const c_char,
        _token: *const c_char,
    ) {
        // SAFETY: By the function's contract.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(watch), Self, watch) };
        // SAFETY: By the function's contract.
        this.changed(unsafe { CStr::from_char_ptr(path) });
    }
}
