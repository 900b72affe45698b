//! A wall clock that a test may set: for one program, not for the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::house::House;

/// Adds to the wall clock what the file says that `CLOCK_SHIFT` names, in seconds. (Time namespaces do not help:
/// they move every clock but this one: see the manual, section 7, "time namespaces".)
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
    char text[32] = {0};
    const char *path = getenv("CLOCK_SHIFT");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
    close(file);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = (int)syscall(SYS_clock_gettime, clock, at);
    if (clock == CLOCK_REALTIME && result == 0) at->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"#;

/// The clock of one house.
#[derive(Debug)]
pub struct WallClock {
    library: PathBuf,
    shift: PathBuf,
}

impl WallClock {
    /// A clock that is right so far.
    pub fn new(house: &House) -> Self {
        let source = house.path("clock.c");
        std::fs::write(&source, SHIM).expect("cannot write the source of the clock");
        let library = house.path("clock.so");
        let mut built = Command::new("cc");
        built.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source);
        // Whoever links Rust has a C compiler.
        assert!(built.status().expect("cannot run cc").success(), "the clock does not compile");
        let clock = Self { library, shift: house.path("shift") };
        clock.set(0);
        clock
    }

    /// Moves it to `seconds` from the true time.
    pub fn set(&self, seconds: i64) {
        let next = self.shift.with_extension("next");
        std::fs::write(&next, seconds.to_string()).expect("cannot set the clock");
        std::fs::rename(&next, &self.shift).expect("cannot set the clock");
    }

    /// Makes `command`, and all that it starts, live by this clock.
    pub fn wear<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LD_PRELOAD", self.library()).env("CLOCK_SHIFT", &self.shift)
    }

    fn library(&self) -> &Path {
        &self.library
    }
}
