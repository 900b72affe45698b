//! One process in the overview.

use model::state::ProcessState;

use super::Bucket;
use crate::frame::Look;
use crate::html::{escaped, push_attribute, push_element, push_text};
use crate::show::{bytes, percent, span};
use crate::words::Words;

/// How long one whose last child ended badly must have been up before that is no news any more.
const UNSTEADY_SECS: u64 = 600;

/// What a process takes of the machine at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Of one processor.
    pub cpu_percent: f64,
    /// Resident memory of its whole tree.
    pub memory_bytes: u64,
}

/// One process.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its full name, as it stands for it in calls.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Its name within the group.
    pub process: String,
    /// Its state.
    pub state: ProcessState,
    /// The sentence that sums it up.
    pub description: String,
    /// Its child, when there is one.
    pub pid: Option<u32>,
    /// Seconds it has been running; zero unless it is.
    pub uptime_secs: u64,
    /// How often it was started without anybody asking for it.
    pub restarts: u64,
    /// How its last child ended, in words.
    pub ended: Option<String>,
    /// Whether nobody wanted that ending.
    pub has_failed: bool,
    /// What it takes, where that is measured.
    pub usage: Option<Usage>,
}

impl Row {
    /// What its state means.
    pub fn bucket(&self) -> Bucket {
        Bucket::of(self.state, self.has_failed)
    }

    /// What to say beside its name: nothing while all is well, which it is not for one that dies again and again.
    pub(crate) fn remark(&self, words: &Words) -> String {
        let description = words.description(&self.description);
        match (self.state, &self.ended) {
            (ProcessState::Running, Some(ended)) if self.has_failed && self.uptime_secs < UNSTEADY_SECS => {
                format!("{} {ended}", words.last_end)
            }
            (ProcessState::Running | ProcessState::Starting | ProcessState::Stopping, _) => String::new(),
            (ProcessState::Exited, Some(ended)) => format!("{ended}{}{description}", words.comma),
            (
                ProcessState::Exited
                | ProcessState::Stopped
                | ProcessState::Backoff
                | ProcessState::Fatal
                | ProcessState::Unknown,
                _,
            ) => description.to_owned(),
        }
    }
}

pub(super) fn push(out: &mut String, look: &Look, row: &Row) {
    let (words, full) = (look.words(), &row.name);
    out.push_str("<tr");
    push_attribute(out, "data-name", full);
    push_attribute(out, "data-group", &row.group);
    push_attribute(out, "data-state", row.state.as_str());
    out.push('>');
    if look.may_act {
        out.push_str("<td class=\"pick\"><input type=\"checkbox\" name=\"selected\"");
        push_attribute(out, "value", full);
        push_attribute(out, "aria-label", &format!("{} {full}", words.select));
        out.push_str("></td>");
    }
    out.extend(["<th scope=\"row\" class=\"name\"><a href=\"/process?name=", &escaped(full), "\"><bdi>"]);
    if let Some((group, process)) = full.split_once(':') {
        push_element(out, "span", "of", &format!("{group}:"));
        push_text(out, process);
    } else {
        push_text(out, full);
    }
    let remark = row.remark(words);
    out.push_str("</bdi></a><small");
    // There may be no room for all of it.
    push_attribute(out, "title", &remark);
    out.push('>');
    push_text(out, &remark);
    out.push_str("</small></th>");
    push_element(out, "td", &format!("state {}", row.bucket().class()), words.state(row.state));
    let shown = |it: fn(Usage) -> String| row.usage.map_or_else(String::new, it);
    measured(out, "cpu", &shown(|it| percent(it.cpu_percent)));
    measured(out, "memory", &shown(|it| bytes(it.memory_bytes)));
    let up = if row.state == ProcessState::Running { span(row.uptime_secs) } else { String::new() };
    push_element(out, "td", "age", &up);
    let restarts = Some(row.restarts).filter(|it| *it > 0).map_or_else(String::new, |it| it.to_string());
    push_element(out, "td", "restarts", &restarts);
    push_element(out, "td", "pid", &row.pid.map_or_else(String::new, |it| it.to_string()));
    if look.may_act {
        out.push_str("<td class=\"do\">");
        // Which of the two makes sense changes with the state: the style sheet shows one.
        for (act, word) in [("start", words.start), ("stop", words.stop), ("restart", words.restart)] {
            button(out, act, word, full);
        }
        out.push_str("</td>");
    }
    out.push_str("</tr>\n");
}

/// A cell whose number a script draws a line beside.
fn measured(out: &mut String, class: &str, text: &str) {
    out.extend(["<td class=\"", class, "\"><span>"]);
    push_text(out, text);
    out.push_str("</span></td>");
}

/// A button that does `act` with `name`.
pub(crate) fn button(out: &mut String, act: &str, word: &str, name: &str) {
    out.extend(["<button class=\"icon ", act, "\" name=\"", act, "\""]);
    push_attribute(out, "value", name);
    push_attribute(out, "title", word);
    push_attribute(out, "aria-label", &format!("{word} {name}"));
    out.push_str("></button>");
}
