#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Applies each mutant to a copy of the crate and shows that its test fails.

usage: mutants.py [WORD...]    only mutants whose name contains all the words
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# name, file, what to replace (must occur once), by what, the test that must fail
MUTANTS = [
    ("producer publishes without release", "producer.rs",
     "self.own.store_release(Word::Producer, self.head)",
     "self.own.store_relaxed(Word::Producer, self.head)", "loom"),
    ("consumer publishes without release", "consumer.rs",
     "self.own.store_release(Word::Consumer, self.head)",
     "self.own.store_relaxed(Word::Consumer, self.head)", "loom"),
    ("producer reads the index without acquire", "producer.rs",
     "load_acquire(Word::Consumer)", "load_relaxed(Word::Consumer)", "loom"),
    ("consumer reads the index without acquire", "consumer.rs",
     "load_acquire(Word::Producer)", "load_relaxed(Word::Producer)", "loom"),
    ("no barrier in Producer::publish", "producer.rs",
     "self.own.full_barrier();\n        let event", "let event", "loom"),
    ("no barrier in Producer::wait_for", "producer.rs",
     "self.own.full_barrier();\n        self.make_room", "self.make_room", "loom"),
    ("no barrier in Consumer::publish", "consumer.rs",
     "self.own.full_barrier();\n        let event", "let event", "loom"),
    ("no barrier in Consumer::wait", "consumer.rs",
     "self.own.full_barrier();\n            self.refresh()?;", "self.refresh()?;", "loom"),
    ("Consumer::wait does not look again", "consumer.rs",
     "self.own.full_barrier();\n            self.refresh()?;",
     "self.own.full_barrier();", "loom"),
    ("Producer::wait_for does not look again", "producer.rs",
     "self.own.full_barrier();\n        self.make_room(size)",
     "self.own.full_barrier();\n        Ok(false)", "loom"),
    ("Producer::publish shows nothing", "producer.rs",
     "self.own.store_release(Word::Producer, self.head);\n", "", "model"),
    ("an event one granule late", "producer.rs",
     "target.wrapping_sub(RECORD_ALIGN)", "target", "model"),
    ("need_event: one too many", "notify.rs",
     "event.wrapping_sub(old) < new.wrapping_sub(old)",
     "event.wrapping_sub(old) <= new.wrapping_sub(old)", "model"),
    ("need_event without wrap", "notify.rs",
     "event.wrapping_sub(old) < new.wrapping_sub(old)",
     "event >= old && event < new", "model"),
    ("a full ring taken for a lie", "consumer.rs",
     "filled > self.size", "filled >= self.size", "model"),
    ("one granule more than the ring has", "producer.rs",
     "Ok(self.room() >= size)", "Ok(self.room() + RECORD_ALIGN >= size)", "model"),
    ("records not rounded up", "layout.rs",
     "(len + (RECORD_ALIGN - 1))", "len", "model"),
    ("a record may be one byte longer", "layout.rs",
     "66 * 1024 - RECORD_ALIGN;", "66 * 1024 - RECORD_ALIGN + 1;", "lib"),
    ("wrap: the write stays at the end", "producer.rs",
     "at.wrapping_add(done) & (self.size - 1)",
     "(at & (self.size - 1)).wrapping_add(done).min(self.size - 1)", "model"),
    ("wrap: the read is off by one", "consumer.rs",
     "self.head.wrapping_add(ahead) & (self.size - 1)",
     "self.head.wrapping_add(ahead) % (self.size - 1)", "model"),
    ("a failed fill is committed", "producer.rs",
     "self.write(self.head.wrapping_add(RECORD_ALIGN), len, &mut fill)?;",
     "let _ = self.write(self.head.wrapping_add(RECORD_ALIGN), len, &mut fill);", "model"),
    ("copies may pass the record's end", "consumer.rs",
     "end > self.header.len as usize", "end > self.header.len as usize + 1", "model"),
    ("drained before it is", "producer.rs",
     "Ok(self.consumed == self.published)", "Ok(self.consumed <= self.published)", "model"),
    ("Broken does not stick (consumer)", "consumer.rs",
     "self.broken = Some(reason);\n", "", "hostile"),
    ("Broken does not stick (producer)", "producer.rs",
     "self.broken = Some(reason);\n", "", "hostile"),
    ("a broken consumer publishes", "consumer.rs",
     "self.broken.is_some() || old == self.head", "old == self.head", "impossible"),
    ("record length not checked", "consumer.rs",
     " || header.len > layout::max_len(self.size)", "", "impossible"),
    ("record length checked against the ring only", "consumer.rs",
     "header.len > layout::max_len(self.size)", "header.len > self.size - 16", "impossible"),
    ("empty records pass", "consumer.rs",
     "header.len == 0 || ", "", "hostile"),
    ("truncated records pass", "consumer.rs",
     "layout::record_size(header.len) > self.produced.wrapping_sub(self.head)",
     "false", "hostile"),
    ("producer index beyond the ring passes", "consumer.rs",
     "filled > self.size || ", "", "impossible"),
    ("producer index may go back", "consumer.rs",
     " || filled < self.produced.wrapping_sub(self.published)", "", "impossible"),
    ("producer index not aligned passes", "consumer.rs",
     "index % RECORD_ALIGN != 0", "false", "impossible"),
    ("consumer index not aligned passes", "producer.rs",
     "index % RECORD_ALIGN != 0", "false", "impossible"),
    ("consumer index anywhere passes", "producer.rs",
     "advance > self.published.wrapping_sub(self.consumed)", "false", "hostile"),
    ("consumer index past the published passes", "producer.rs",
     "advance > self.published.wrapping_sub(self.consumed)",
     "advance > self.head.wrapping_sub(self.consumed)", "impossible"),
    ("the index is read twice", "producer.rs",
     "self.consumed = index;",
     "self.consumed = self.peer.load_acquire(Word::Consumer);", "hostile"),
    ("any magic", "control.rs",
     "peer.load_acquire(Word::Magic) != MAGIC", "false", "hostile"),
    ("any version", "control.rs", "version != VERSION", "false", "hostile"),
    ("any header length", "control.rs", "header_len != USER_AREA", "false", "hostile"),
    ("any features", "control.rs", "features != 0", "false", "hostile"),
    ("a ring of any size", "layout.rs", "!size.is_power_of_two()", "false", "lib"),
    ("a file that may shrink is mapped", "host.rs",
     "!seals.contains(SealFlags::SHRINK)", "false", "impossible"),
    ("a file shorter than its ring is mapped", "host.rs",
     "!fits(header.ring_bytes())", "false", "impossible"),
    ("pages not sealed against writers", "host.rs",
     " | SealFlags::FUTURE_WRITE", "", "processes"),
    ("host: a copy goes on past the ring's end", "host.rs",
     "left.min(dst.len())", "dst.len()", "model"),
    ("host: what is left of a line is not loaded", "host/load.rs",
     "as_mut_ptr(), rest.len())", "as_mut_ptr(), 0)", "lib"),
    ("host: past the caches, the tail is not stored", "host/bypass.rs",
     "    tail.copy_from_slice(last);\n", "", "lib"),
    ("host: what was filled is not stored", "host/bypass.rs",
     "        store(place, piece);\n", "", "lib"),
]


def main():
    crate = pathlib.Path(__file__).resolve().parent.parent
    target = os.environ.get("CARGO_TARGET_DIR", str(crate.parent / "target"))
    # Apart from the crate's own builds, which would be mistaken for those of the copy.
    env = dict(os.environ, CARGO_TARGET_DIR=os.path.join(target, "mutants"))
    chosen = [m for m in MUTANTS if all(word in m[0] for word in sys.argv[1:])]
    survived = 0
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch, "xenfifo")
        shutil.copytree(crate, copy, ignore=shutil.ignore_patterns("target"))
        lock = crate.parent / "Cargo.lock"
        if lock.exists():
            shutil.copy(lock, scratch)
        pathlib.Path(scratch, "Cargo.toml").write_text(
            '[workspace]\nresolver = "3"\nmembers = ["xenfifo"]\n')
        for name, file, old, new, test in chosen:
            path = copy / "src" / file
            source = path.read_text()
            if source.count(old) != 1:
                sys.exit(f"{name}: {old!r} occurs {source.count(old)} times in {file}")
            path.write_text(source.replace(old, new))
            what = ["--lib"] if test == "lib" else ["--test", test]
            build = ["cargo", "test", "-q", "-j1", "--release", *what]
            compiled = subprocess.run([*build, "--no-run"], cwd=copy, env=env,
                                      capture_output=True, text=True)
            if compiled.returncode:
                sys.exit(f"{name}: does not compile\n{compiled.stderr}")
            try:
                failed = subprocess.run(build, cwd=copy, env=env, timeout=120,
                                        capture_output=True).returncode != 0
            except subprocess.TimeoutExpired:
                failed = True
            survived += not failed
            print(f"{'caught  ' if failed else 'SURVIVED'}  {test:10}  {name}", flush=True)
            path.write_text(source)
    print(f"{len(chosen) - survived} passed, {survived} failed")
    sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
