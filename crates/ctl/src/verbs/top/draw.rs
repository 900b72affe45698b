//! The screen as text: a function of what is to be seen and how much room there is.

use std::collections::VecDeque;
use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use super::view::{BARS, Row, Sort, View};
use crate::verbs::paint::{Paint, Tone};

/// The columns after the name, with their widths and a blank before each.
const COLUMNS: [(&str, usize); 7] =
    [("STATE", 9), ("CPU", 7), ("", BARS), ("MEMORY", 8), ("", BARS), ("UP", 12), ("RESTARTS", 9)];

/// A name gets at least so much.
const NAME_WIDTH_MIN: usize = 16;

const KEYS: &str = " s start  t stop  r restart  l log  / find  n c m order  q quit";

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// How many processes fit on a screen.
pub(super) fn page(view: &View, size: Size) -> usize {
    size.rows.saturating_sub(3 + log_height(view, size)).max(1)
}

fn log_height(view: &View, size: Size) -> usize {
    if view.has_log { (size.rows / 3).max(3).min(size.rows.saturating_sub(4)) } else { 0 }
}

/// The whole screen. Every line is as wide as the screen, so that nothing of what was there shines through.
pub(super) fn screen(view: &View, size: Size, paint: Paint) -> String {
    let page = page(view, size);
    let shown = view.shown();
    let at = shown.iter().position(|it| Some(it.name.as_str()) == view.selected()).unwrap_or(0);
    // The selected one is always in sight.
    let first = (at + 1).saturating_sub(page);
    let mut lines = vec![title(view, size, paint), invert(&header(view, size))];
    for index in first..first + page {
        lines.push(match shown.get(index) {
            Some(row) if index == at => invert(&line(view, row, size, Paint::Plain)),
            Some(row) => line(view, row, size, paint),
            None => fit("", size.columns),
        });
    }
    let height = log_height(view, size);
    if height > 0 {
        lines.push(invert(&fit(&format!(" {} ", view.selected().unwrap_or("no log")), size.columns)));
        let log: Vec<_> = view.log(height - 1).map(|it| fit(it, size.columns)).collect();
        let missing = height - 1 - log.len();
        lines.extend(log);
        lines.extend(std::iter::repeat_n(fit("", size.columns), missing));
    }
    lines.push(footer(view, size, paint));
    lines.join("\r\n")
}

fn title(view: &View, size: Size, paint: Paint) -> String {
    let (all, running, failed) = view.counts();
    let order = match view.sort() {
        Sort::Name => "name",
        Sort::Cpu => "cpu",
        Sort::Memory => "memory",
    };
    let text = fit(&format!(" {running} of {all} running, {failed} in trouble; by {order}"), size.columns);
    paint.text(if failed > 0 { Tone::Bad } else { Tone::Good }, &text)
}

/// What fits beside a name of the least width, from the left.
fn columns(size: Size) -> impl Iterator<Item = &'static (&'static str, usize)> {
    let mut room = size.columns.saturating_sub(NAME_WIDTH_MIN);
    COLUMNS.iter().take_while(move |(_, width)| {
        let fits = *width < room;
        room = room.saturating_sub(width + 1);
        fits
    })
}

fn name_width(size: Size) -> usize {
    size.columns.saturating_sub(columns(size).map(|(_, width)| width + 1).sum())
}

fn header(view: &View, size: Size) -> String {
    let name =
        if view.filter().is_empty() { " NAME".to_owned() } else { format!(" NAME ~ {}", view.filter()) };
    let mut text = fit(&name, name_width(size));
    for (name, width) in columns(size) {
        text.push(' ');
        text.push_str(&right(name, *width));
    }
    text
}

fn line(view: &View, row: &Row, size: Size, paint: Paint) -> String {
    let figures = view.figures(&row.name).filter(|_| row.pid.is_some());
    let is_up = row.state == "RUNNING";
    let name = if is_up { format!(" {}", row.name) } else { format!(" {}  {}", row.name, row.description) };
    let mut text = fit(&name, name_width(size));
    let cells = [
        row.state.to_lowercase(),
        figures.and_then(|it| it.cpu.back()).map(|it| format!("{it:.1}%")).unwrap_or_default(),
        figures.map(|it| bars(&it.cpu, 1.0)).unwrap_or_default(),
        figures.and_then(|it| it.memory.back()).map(|it| bytes(*it)).unwrap_or_default(),
        figures.map(|it| bars(&it.memory, 1024.0)).unwrap_or_default(),
        row.uptime.filter(|_| is_up).map(span).unwrap_or_default(),
        Some(row.restarts).filter(|it| *it > 0).map(|it| it.to_string()).unwrap_or_default(),
    ];
    for ((index, (_, width)), cell) in columns(size).enumerate().zip(cells) {
        let cell = right(&cell, *width);
        text.push(' ');
        text.push_str(&if index == 0 { paint.text(tone(&row.state), &cell) } else { cell });
    }
    text
}

fn tone(state: &str) -> Tone {
    match state {
        "RUNNING" => Tone::Good,
        "STARTING" | "STOPPING" => Tone::Passing,
        "STOPPED" | "EXITED" => Tone::Quiet,
        _ => Tone::Bad,
    }
}

fn footer(view: &View, size: Size, paint: Paint) -> String {
    let text = if view.is_typing {
        format!(" find: {}_", view.filter())
    } else if view.message.is_empty() {
        KEYS.to_owned()
    } else {
        format!(" {}", view.message)
    };
    paint.text(Tone::Quiet, &fit(&text, size.columns))
}

/// Bars for figures; `least` is the least that is drawn as high as can be.
fn bars(figures: &VecDeque<f64>, least: f64) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = figures.iter().copied().fold(least, f64::max);
    let bar = |it: &f64| {
        // A share of eight heights, each of which has a number of its own.
        let index = (1..HEIGHTS.len()).take_while(|step| {
            let step = u32::try_from(*step).unwrap_or(0);
            it / most * 8.0 >= f64::from(step)
        });
        HEIGHTS.get(index.count()).copied().unwrap_or('█')
    };
    figures.iter().map(bar).collect()
}

fn bytes(number: f64) -> String {
    let mut value = number;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if value < 10.0 && unit != "B" { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Exactly this wide, whatever it holds.
fn fit(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for character in super::view::plain(text).chars() {
        let more = character.width().unwrap_or(0);
        if used + more > width {
            break;
        }
        used += more;
        out.push(character);
    }
    out.extend(std::iter::repeat_n(' ', width - used));
    out
}

fn right(text: &str, width: usize) -> String {
    let bare = fit(text, width);
    let trimmed = bare.trim_end();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(out, "{}{trimmed}", " ".repeat(bare.chars().count() - trimmed.chars().count()));
    out
}

fn invert(text: &str) -> String {
    format!("\u{1b}[7m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests;
