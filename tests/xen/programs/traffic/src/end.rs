//! When a stream ends: after its time, or before that when a file appears.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How often the file is looked for; whoever made it waits that much longer.
const PACE: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub struct End {
    at: Instant,
    asked: Arc<AtomicBool>,
}

impl End {
    /// The end comes in `seconds`, or when there is a file `until`.
    pub fn new(seconds: u64, until: Option<PathBuf>) -> Self {
        let at = Instant::now() + Duration::from_secs(seconds);
        let asked = Arc::new(AtomicBool::new(false));
        if let Some(path) = until {
            // On a thread of its own, so that a stream pays nothing for looking.
            let asked = asked.clone();
            thread::spawn(move || {
                while !path.exists() {
                    thread::sleep(PACE);
                }
                asked.store(true, Ordering::Relaxed);
            });
        }
        Self { at, asked }
    }

    pub fn reached(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || Instant::now() >= self.at
    }
}
