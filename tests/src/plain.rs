//! Text without what differs from run to run, so that two runs can be compared.

/// `text` with pids, times and the folder `here` replaced by words.
pub fn plain(text: &str, here: &str) -> String {
    let text = text.replace(here, "HERE");
    let lines = text.split('\n').map(plain_line);
    lines.collect::<Vec<_>>().join("\n")
}

fn plain_line(line: &str) -> String {
    if !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()) {
        return "NUMBER".to_owned();
    }
    if let Some((before, _)) = line.split_once(": file: ") {
        return before.to_owned(); // What follows is where in its source the original failed; ours has no such place.
    }
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for at in 0..words.len() {
        plain_word(&mut words, at);
    }
    words.join(" ")
}

/// Replaces the word at `at` when it, or what stands before it, says that it is a pid or a time.
fn plain_word(words: &mut [String], at: usize) {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_digit());
    let word = words[at].clone();
    let before = at.checked_sub(1).map(|at| words[at].clone()).unwrap_or_default();
    if before == "pid" && is_number(word.trim_end_matches([',', ')'])) {
        words[at] = word.replace(|c: char| c.is_ascii_digit(), "").replace(',', "PID,");
        if words[at].is_empty() {
            "PID".clone_into(&mut words[at]);
        }
    }
    if before == "uptime" {
        "UPTIME".clone_into(&mut words[at]);
    }
    // `Nov 20 11:34 PM`
    if at >= 3 && (word == "AM" || word == "PM") && words[at - 1].contains(':') {
        for part in &mut words[at - 3..at] {
            "TIME".clone_into(part);
        }
        "TIME".clone_into(&mut words[at]);
    }
    if let Some(number) = word.strip_prefix("pid=") {
        words[at] = format!("pid={}", if is_number(number) { "PID" } else { number });
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_differs_from_run_to_run_is_taken_out() {
        let cases = [
            ("cat  RUNNING   pid 24685, uptime 0:00:32", "cat  RUNNING   pid PID, uptime UPTIME"),
            ("a  STOPPED   Nov 20 11:34 PM", "a  STOPPED   TIME TIME TIME TIME"),
            ("4711\n/tmp/x/s.sock no such file", "NUMBER\nHERE/s.sock no such file"),
            ("error: <class>, x: file: /a/b.py line: 7", "error: <class>, x"),
            ("reaped (pid 5) pid", "reaped (pid 5) pid"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text, "/tmp/x"), expected);
        }
    }
}
