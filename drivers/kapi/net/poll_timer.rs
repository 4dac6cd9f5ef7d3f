// SPDX-License-Identifier: GPL-2.0

//! A timer that makes a NAPI instance poll.

use crate::net::napi::{Napi, Poll};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{Arc, ArcBorrow},
    time::{
        hrtimer::{
            ArcHrTimerHandle, HrTimer, HrTimerCallback, HrTimerCallbackContext, HrTimerPointer,
            HrTimerRestart, RelativePinnedMode,
        },
        Delta, Monotonic,
    },
};

/// A timer that makes a NAPI instance poll.
#[pin_data]
pub struct PollTimer<T: Poll> {
    #[pin]
    timer: HrTimer<Self>,
    napi: Arc<Napi<T>>,
}

/// The timer runs; dropping this stops it, and waits for its interrupt on another CPU.
pub type Pending<T> = ArcHrTimerHandle<PollTimer<T>>;

impl<T: Poll> PollTimer<T> {
    /// Creates a timer for an instance. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(napi: Arc<Napi<T>>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                timer <- HrTimer::new(),
                napi,
            }),
            GFP_KERNEL,
        )
    }

    /// Starts the timer, which must not be running: drop what the last call returned first. Any
    /// context but hard interrupts.
    #[inline]
    pub fn start(self: Arc<Self>, delay: Delta) -> Pending<T> {
        HrTimerPointer::start(self, delay)
    }
}

impl_has_hr_timer! {
    impl{T: Poll} HasHrTimer<Self> for PollTimer<T> {
        mode: RelativePinnedMode<Monotonic>,
        field: self.timer,
    }
}

impl<T: Poll> HrTimerCallback for PollTimer<T> {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        _context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        this.napi.schedule();
        HrTimerRestart::NoRestart
    }
}
