//! The lab's agent in a guest: runs commands that come over the console, side by side.
//!
//! A line `ID BASE64` is a command for the shell, answered by one line `@ID STATUS BASE64` with its
//! output when it has ended. A line `ID kill` kills that command and everything it started.

mod base64;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

type Groups = Arc<Mutex<HashMap<u64, u32>>>;

/// Where a command's output goes while it runs: not through a pipe, which a daemon that the command
/// leaves behind would hold open.
fn output_path(id: u64) -> String {
    format!("/tmp/.command-{id}")
}

fn start(id: u64, script: &str) -> io::Result<Child> {
    let output = File::create(output_path(id))?;
    Command::new("bash")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        // A group of its own, so that all of it can be killed.
        .process_group(0)
        .spawn()
}

/// What a shell would call the exit status.
fn wait(child: &mut Child) -> i32 {
    match child.wait() {
        Ok(status) => status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        Err(_) => 126,
    }
}

fn run(id: u64, script: &str, groups: &Groups) {
    let status = match start(id, script) {
        Ok(mut child) => {
            groups.lock().unwrap().insert(id, child.id());
            let status = wait(&mut child);
            groups.lock().unwrap().remove(&id);
            status
        }
        Err(_) => 126,
    };
    let output = std::fs::read(output_path(id)).unwrap_or_default();
    let _ = std::fs::remove_file(output_path(id));
    answer(&format!("@{id} {status} {}\n", base64::encode(&output)));
}

/// One write for the whole line: the terminal keeps it together.
fn answer(line: &str) {
    let mut console = io::stdout().lock();
    // A console that is gone cannot be told about it.
    let _ = console.write_all(line.as_bytes());
    let _ = console.flush();
}

fn main() {
    let groups = Groups::default();
    answer("@ready\n");
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let Some((id, command)) = line.split_once(' ') else {
            continue;
        };
        let Ok(id) = id.parse() else { continue };
        if command == "kill" {
            if let Some(group) = groups.lock().unwrap().get(&id) {
                let group = format!("-{group}");
                let _ = Command::new("kill").args(["-9", &group]).status();
            }
            continue;
        }
        let Some(script) = base64::decode(command.trim()) else {
            continue;
        };
        let groups = groups.clone();
        thread::spawn(move || run(id, &String::from_utf8_lossy(&script), &groups));
    }
}
