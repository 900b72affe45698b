//! The pages.

use model::info::ProcessInfo;
use model::state::ProcessState;

use crate::html::{push_element, push_text, span};

const STYLE: &str = include_str!("style.css");

/// What the status page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The `identifier` of the configuration.
    pub identifier: String,
    /// The version of the program.
    pub version: String,
    /// The processes, in the order of group and name, each with the sentence that sums it up.
    pub processes: Vec<(ProcessInfo, String)>,
}

/// The status page: a row for each process.
pub fn status(status: &Status) -> String {
    let mut out = String::with_capacity(2048 + status.processes.len() * 256);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    push_text(&mut out, &status.identifier);
    out.extend(["</title>\n<style>\n", STYLE, "</style>\n</head>\n<body>\n"]);
    push_element(&mut out, "h1", "", &status.identifier);
    out.push('\n');
    push_element(&mut out, "p", "", &summary(status));
    out.push('\n');
    if !status.processes.is_empty() {
        out.push_str("<table>\n<thead><tr><th>State</th><th>Description</th><th>Name</th><th>Up for</th></tr></thead>\n<tbody>\n");
        for (info, description) in &status.processes {
            row(&mut out, info, description);
        }
        out.push_str("</tbody>\n</table>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// How many there are and how many run; with nothing to show, the original's words.
fn summary(status: &Status) -> String {
    let all = status.processes.len();
    let running = status.processes.iter().filter(|(it, _)| it.state == ProcessState::Running).count();
    match all {
        0 => format!("No programs to manage. Version {}", status.version),
        _ => format!("{running} of {all} running. Version {}", status.version),
    }
}

fn row(out: &mut String, info: &ProcessInfo, description: &str) {
    out.push_str("<tr>");
    push_element(out, "td", class(info.state), &info.state.as_str().to_lowercase());
    push_element(out, "td", "", description);
    push_element(out, "td", "name", &info.name.to_string());
    let up = if info.state == ProcessState::Running { span(info.uptime_secs) } else { String::new() };
    push_element(out, "td", "time", &up);
    out.push_str("</tr>\n");
}

const fn class(state: ProcessState) -> &'static str {
    match state {
        ProcessState::Running => "up",
        ProcessState::Starting | ProcessState::Stopping => "due",
        ProcessState::Backoff | ProcessState::Fatal | ProcessState::Unknown => "down",
        ProcessState::Stopped | ProcessState::Exited => "rest",
    }
}

#[cfg(test)]
mod tests {
    use model::name::{FullName, GroupName, ProcessName};
    use model::time::Wall;

    use super::*;

    fn info(name: &str, state: ProcessState) -> ProcessInfo {
        ProcessInfo {
            name: FullName { group: GroupName::parse("g").unwrap(), process: ProcessName::expanded(name) },
            state,
            started: None,
            stopped: None,
            now: Wall::default(),
            uptime_secs: 75,
            spawn_error: None,
            exit: None,
            pid: None,
            starts: 0,
            restarts: 0,
            ended: None,
            stdout_logfile: None,
            stderr_logfile: None,
        }
    }

    fn page(processes: Vec<(ProcessInfo, String)>) -> String {
        status(&Status { identifier: "here & there".to_owned(), version: "1".to_owned(), processes })
    }

    #[test]
    fn a_row_tells_state_description_name_and_uptime() {
        let html = page(vec![
            (info("a", ProcessState::Running), "pid 5, uptime 0:01:15".to_owned()),
            (info("b", ProcessState::Fatal), "can't find command '/no'".to_owned()),
        ]);
        let rows: Vec<_> = html.lines().filter(|it| it.starts_with("<tr>")).collect();
        let wanted = [
            "<tr><td class=\"up\">running</td><td>pid 5, uptime 0:01:15</td><td class=\"name\">g:a</td>\
             <td class=\"time\">1 min 15 s</td></tr>",
            "<tr><td class=\"down\">fatal</td><td>can&#39;t find command &#39;/no&#39;</td>\
             <td class=\"name\">g:b</td><td class=\"time\"></td></tr>",
        ];
        assert_eq!(rows, wanted);
        assert!(html.contains("<p>1 of 2 running. Version 1</p>"));
    }

    #[test]
    fn nothing_a_process_is_called_becomes_markup() {
        let evil = "<img src=x onerror=alert(1)>";
        let html = page(vec![(info(evil, ProcessState::Stopped), evil.to_owned())]);
        assert!(!html.contains("<img"));
        assert!(html.contains("<title>here &amp; there</title>"));
    }

    #[test]
    fn a_page_without_processes_says_so_and_asks_for_nothing_else() {
        let html = page(vec![]);
        assert!(html.contains("No programs to manage"));
        assert!(!html.contains("<table"));
        for word in ["http:", "https:", "src=", "url(", "<script", "<link"] {
            assert!(!html.contains(word), "{word}");
        }
    }
}
