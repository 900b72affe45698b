//! What a command said, and how it ended.

use std::process::Output;

/// The two streams of a finished command, as text, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
}

impl Said {
    /// Both streams, the output first.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// Asserts that the command ended with `code`; shows all it said otherwise.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the code is all that a test asks for")]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Asserts that a mistake was told well: `words` are named, and nothing looks like a crash.
    #[track_caller]
    pub fn expect_complaint(&self, words: &[&str]) {
        let all = self.all();
        for word in words {
            assert!(all.contains(word), "no `{word}` in: {self:?}");
        }
        for crash in ["panicked", "Traceback", "stack backtrace", "internal error"] {
            assert!(!all.contains(crash), "`{crash}` in: {self:?}");
        }
        assert_ne!(self.code, 0, "{self:?}");
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }
}
