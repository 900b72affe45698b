//! The page of one process.

use crate::frame::{Look, document, empty, hidden};
use crate::html::{escaped, push_attribute, push_element, push_text};
use crate::overview::{Row, Usage, signals};
use crate::show::{bytes, percent, span};
use crate::words::Words;

/// What the page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// How it is.
    pub row: Row,
    /// How it is configured.
    pub options: Options,
    /// The end of each of its logs.
    pub stdout: Tail,
    /// The same for its standard error.
    pub stderr: Tail,
    /// Why it is as it is, in sentences; empty when there is nothing to explain.
    pub why: String,
}

/// How a process is configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Where its section is written: `file:line`.
    pub origin: String,
    /// Its section, for example `program:web`.
    pub section: String,
    /// Its options and their values, as they are in force.
    pub values: Vec<(String, String)>,
    /// The variables that are set for it. A value that is a secret is absent.
    pub environment: Vec<(String, Option<String>)>,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tail {
    /// There is no log file.
    #[default]
    None,
    /// It goes where standard output goes.
    Joined,
    /// The last of it.
    Text(String),
}

/// The page.
pub fn process(look: &Look, process: &Process) -> String {
    let words = look.words();
    let row = &process.row;
    document(look, &row.name, None, "process", |out| {
        out.push_str("<div id=\"process\"");
        push_attribute(out, "data-name", &row.name);
        push_attribute(out, "data-state", row.state.as_str());
        out.push_str(">\n");
        title(out, look, row);
        push_element(out, "p", "why", &process.why);
        facts(out, words, process);
        charts(out, look);
        log(out, words, process);
        out.push_str("<div class=\"halves\">\n");
        section(out, "exits", words.exits, |out| {
            out.push_str("<div id=\"exits\"");
            push_attribute(out, "data-none", words.no_exits);
            out.push('>');
            push_element(out, "p", "quiet", row.ended.as_deref().unwrap_or(words.no_exits));
            out.push_str("</div>\n");
        });
        section(out, "environment", words.environment, |out| environment(out, words, &process.options));
        out.push_str("</div>\n");
        section(out, "options", words.configuration, |out| options(out, words, &process.options));
        out.push_str("</div>\n");
    })
}

/// A part of a page under a headline of its own.
pub(crate) fn section(out: &mut String, class: &str, name: &str, body: impl FnOnce(&mut String)) {
    out.extend(["<section class=\"", class, "\">\n"]);
    push_element(out, "h2", "", name);
    body(out);
    out.push_str("</section>\n");
}

/// Its name, its state, and what can be done with it.
fn title(out: &mut String, look: &Look, row: &Row) {
    let words = look.words();
    out.push_str("<div class=\"title\"><h1><bdi>");
    if row.name == row.process {
        push_text(out, &row.name);
    } else {
        push_element(out, "span", "of", &format!("{}:", row.group));
        push_text(out, &row.process);
    }
    out.push_str("</bdi></h1>");
    push_element(out, "span", &format!("state {}", row.bucket().class()), words.state(row.state));
    if look.may_act {
        out.push_str("<form id=\"acts\" class=\"acts\" method=\"post\" action=\"/act\">");
        hidden(out, "token", &look.token);
        hidden(out, "back", &look.here);
        hidden(out, "selected", &row.name);
        let acts = [
            ("start", words.start),
            ("stop", words.stop),
            ("restart", words.restart),
            ("clear", words.clear_log),
        ];
        for (act, word) in acts {
            out.extend(["<button name=\"bulk\" value=\"", act, "\" class=\"", act, "\">", word, "</button>"]);
        }
        out.push_str("<span class=\"signals\">");
        signals(out, words);
        out.extend(["<button name=\"bulk\" value=\"signal\" class=\"signal\">", words.send, "</button>"]);
        out.push_str("</span></form>");
    }
    out.push_str("</div>\n");
    push_element(out, "p", "remark", &row.remark(words));
}

fn facts(out: &mut String, words: &Words, process: &Process) {
    let row = &process.row;
    out.push_str("<dl class=\"facts\">");
    fact(out, "pid", words.pid, &row.pid.map_or_else(|| "–".to_owned(), |it| it.to_string()));
    let up = if row.uptime_secs > 0 { span(row.uptime_secs) } else { "–".to_owned() };
    fact(out, "age", words.up_for, &up);
    fact(out, "restarts", words.restarts, &row.restarts.to_string());
    let used = |it: fn(Usage) -> String| row.usage.map_or_else(|| "–".to_owned(), it);
    fact(out, "cpu", words.cpu, &used(|it| percent(it.cpu_percent)));
    fact(out, "memory", words.memory, &used(|it| bytes(it.memory_bytes)));
    // Of these a page is told when somebody looks at it.
    fact(out, "threads", words.threads, "–");
    fact(out, "descriptors", words.descriptors, "–");
    out.push_str("</dl>\n");
}

/// One fact: its name and its value.
pub(crate) fn fact(out: &mut String, class: &str, name: &str, value: &str) {
    out.extend(["<div class=\"", class, "\">"]);
    push_element(out, "dt", "", name);
    push_element(out, "dd", "", value);
    out.push_str("</div>");
}

/// Where a script draws.
pub(crate) fn charts(out: &mut String, look: &Look) {
    let words = look.words();
    out.extend(["<section class=\"charts\" id=\"charts\">\n<h2 class=\"away\">", words.charts, "</h2>\n"]);
    out.extend(["<noscript><p class=\"quiet\">", words.no_script_charts, "</p></noscript>\n"]);
    if !look.has_history {
        out.push_str("<p class=\"quiet scripted-only\">");
        push_text(out, words.no_history);
        out.push_str("</p>\n");
    }
    out.extend(["<div class=\"spans\" role=\"group\" aria-label=\"", words.time_span, "\" hidden>"]);
    for (span, name) in [("hour", words.hour), ("day", words.day), ("month", words.month)] {
        let pressed = if span == "hour" { "true" } else { "false" };
        out.extend(["<button type=\"button\" data-span=\"", span, "\" aria-pressed=\"", pressed, "\">"]);
        out.extend([name, "</button>"]);
    }
    out.push_str("</div>\n<div class=\"plots\"></div>\n</section>\n");
}

/// The end of its logs; a script makes it the logs themselves.
fn log(out: &mut String, words: &Words, process: &Process) {
    out.extend(["<section class=\"log\" id=\"log\">\n<h2 class=\"away\">", words.log, "</h2>\n"]);
    for (channel, name, tail) in
        [("stdout", words.stdout, &process.stdout), ("stderr", words.stderr, &process.stderr)]
    {
        out.extend(["<div class=\"channel\" data-channel=\"", channel, "\" data-title=\"", name, "\">"]);
        push_element(out, "h3", "", name);
        match tail {
            Tail::None => empty(out, words.no_log, words.no_log_how),
            Tail::Joined => push_element(out, "p", "quiet", words.joined),
            Tail::Text(text) => {
                out.push_str("<p class=\"quiet\"><a class=\"download\"");
                let at = format!("/api/v1/processes/{}/{channel}/file", escaped(&process.row.name));
                push_attribute(out, "href", &at);
                out.extend([" download>", words.download, "</a></p>"]);
                out.push_str("<pre class=\"lines\" tabindex=\"0\"");
                push_attribute(out, "data-none", words.nothing_written);
                out.push('>');
                push_text(out, text);
                out.push_str("</pre>");
            }
        }
        out.push_str("</div>\n");
    }
    out.push_str("</section>\n");
}

fn environment(out: &mut String, words: &Words, options: &Options) {
    if options.environment.is_empty() {
        return push_element(out, "p", "quiet", words.no_environment);
    }
    push_element(out, "p", "quiet", words.environment_hint);
    out.extend(["<table class=\"pairs\"><thead class=\"away\"><tr><th scope=\"col\">", words.name]);
    out.extend(["</th><th scope=\"col\">", words.value, "</th></tr></thead><tbody>\n"]);
    for (name, value) in &options.environment {
        out.push_str("<tr>");
        out.push_str("<th scope=\"row\">");
        push_text(out, name);
        out.push_str("</th>");
        match value {
            Some(value) => push_element(out, "td", "", value),
            None => push_element(out, "td", "secret", words.hidden),
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
}

fn options(out: &mut String, words: &Words, options: &Options) {
    out.push_str("<p class=\"quiet\">");
    out.push_str(words.written_at);
    out.push_str(" <code>");
    push_text(out, &options.origin);
    out.push_str("</code> <code>[");
    push_text(out, &options.section);
    out.push_str("]</code></p>\n");
    out.extend(["<table class=\"pairs\"><thead class=\"away\"><tr><th scope=\"col\">", words.option]);
    out.extend(["</th><th scope=\"col\">", words.value, "</th></tr></thead><tbody>\n"]);
    for (name, value) in &options.values {
        out.push_str("<tr><th scope=\"row\">");
        push_text(out, name);
        out.push_str("</th>");
        push_element(out, "td", "", value);
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
}
