//! `top`: what runs, as it changes, on the whole screen.
//!
//! It is told what happens by the server's stream of events and asks for the processes when that says that
//! something changed; it never asks by the clock. The screen is text made by a function, written at once.

mod draw;
mod screen;
mod view;

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use model::fault::FaultCode;
use wire::value::Value;

use self::screen::Screen;
use self::view::{Key, View, Wish};
use crate::client::{CallError, Channel, Client, Target};
use crate::command::follow::log_path;
use crate::verbs::{DONE, Desk, Trouble};

/// The stream of what happens, with figures.
const EVENTS: &str = "/api/v1/events?samples=true";

/// How often a screen on which nothing else changes is drawn, so that uptimes grow.
const SECOND: Duration = Duration::from_secs(1);

/// How long to wait before a stream that has ended is asked for again: a server that is being restarted is back by then.
const AGAIN: Duration = Duration::from_secs(2);

/// An event longer than this is no event of ours: ten thousand processes have less.
const EVENT_BYTES_MAX: usize = 8 << 20;

/// What happens while the screen is shown.
enum News {
    /// A key was pressed.
    Key(Key),
    /// An event of this kind, with this content.
    Event(String, String),
    /// The stream of events has ended, or there is none; it will be asked for again.
    Away(String),
    /// The log with this number has more.
    Log(u64, Vec<u8>),
    /// What came of an order.
    Done(String),
}

/// `top`.
pub(crate) fn top(desk: &mut Desk<'_>) -> Result<u8, Trouble> {
    let mut view = View::default();
    view.take(&processes(&mut desk.client)?);
    // Without it the bars begin now: a server of before does not know it.
    if let Ok(recent) = desk.client.call("menshen.getRecent", &[]) {
        view.recall(&recent);
    }
    let screen = Screen::take().map_err(|it| Trouble::Usage(format!("top: {it}")))?;
    let (news, heard) = mpsc::channel();
    let target = desk.client.target().clone();
    // Nobody waits for these: when nobody listens any more, they end with the program.
    std::thread::spawn({
        let news = news.clone();
        move || screen::listen(&news)
    });
    std::thread::spawn({
        let (news, target) = (news.clone(), target.clone());
        move || watch(&target, &news)
    });
    let mut log = OpenLog::default();
    let mut aged = Instant::now();
    loop {
        log.turn_to(&mut view, &target, &news);
        let size = Screen::size();
        view.page = draw::page(&view, size);
        screen.draw(&draw::screen(&view, size, desk.paint))?;
        match heard.recv_timeout(SECOND.saturating_sub(aged.elapsed())) {
            Ok(News::Key(key)) => match view.press(key) {
                Wish::Quit => return Ok(DONE),
                Wish::Order(method, name) => order(&mut view, &target, &news, method, name),
                Wish::Nothing => {}
            },
            Ok(News::Event(kind, data)) if kind == "samples" => {
                view.measure(&serde_json::from_str(&data).unwrap_or_default());
            }
            Ok(News::Event(..)) => {
                view.message.clear();
                view.take(&processes(&mut desk.client)?);
            }
            Ok(News::Away(reason)) => view.message = reason,
            Ok(News::Log(number, bytes)) if number == log.number => view.take_log(&bytes),
            Ok(News::Log(..)) => {}
            Ok(News::Done(text)) => view.message = text,
            Err(RecvTimeoutError::Timeout) => {
                aged = Instant::now();
                view.age();
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(DONE),
        }
    }
}

fn processes(client: &mut Client) -> Result<Value, Trouble> {
    client.call("menshen.getProcesses", &[]).map_err(|error| match error.fault() {
        Some(FaultCode::UnknownMethod) => Trouble::Usage(
            "top: this server does not tell what happens; `menshen status` asks it once".to_owned(),
        ),
        Some(_) | None => error.into(),
    })
}

/// Has something done for a process, and tells what came of it.
fn order(view: &mut View, target: &Target, news: &Sender<News>, method: &'static str, name: String) {
    view.message = format!("{name} ...");
    let (target, news) = (target.clone(), news.clone());
    std::thread::spawn(move || {
        let names = Value::Array(vec![Value::String(name.clone())]);
        let told = match Client::new(target).call(method, &[names, Value::Bool(true)]) {
            Ok(answer) => outcome(&name, &answer),
            Err(error) => format!("{name}: {error}"),
        };
        let _ = news.send(News::Done(told));
    });
}

fn outcome(name: &str, answer: &Value) -> String {
    let told = if let Value::Array(items) = answer { items.first() } else { None };
    match told {
        Some(Value::Struct(members)) => match members.get("description") {
            Some(Value::String(text)) if text != "OK" => format!("{name}: {text}"),
            Some(_) | None => format!("{name}: done"),
        },
        Some(_) | None => format!("{name}: nothing to do"),
    }
}

/// Tells every event, for ever.
fn watch(target: &Target, news: &Sender<News>) {
    loop {
        let reason = match stream(target, news) {
            Ok(()) => "the server has ended the stream; trying again".to_owned(),
            Err(error) => format!("{error}; trying again"),
        };
        if news.send(News::Away(reason)).is_err() {
            return;
        }
        std::thread::park_timeout(AGAIN);
    }
}

fn stream(target: &Target, news: &Sender<News>) -> Result<(), CallError> {
    let mut stream = Client::new(target.clone()).follow(EVENTS)?;
    let mut bytes = stream.take_first();
    loop {
        while let Some(end) = bytes.windows(2).position(|it| it == b"\n\n") {
            let event: Vec<u8> = bytes.drain(..end + 2).collect();
            if let Some((kind, data)) = event_of(&String::from_utf8_lossy(&event))
                && news.send(News::Event(kind, data)).is_err()
            {
                return Ok(());
            }
        }
        if bytes.len() > EVENT_BYTES_MAX || !stream.read(&mut bytes)? {
            return Ok(());
        }
    }
}

/// The kind and the content of an event (the HTML standard, "server-sent events").
fn event_of(text: &str) -> Option<(String, String)> {
    let field = |name: &str| text.lines().find_map(|it| it.strip_prefix(name)).map(str::to_owned);
    Some((field("event: ")?, field("data: ")?))
}

/// The log that is shown. Each has a number, so that what still comes of another is known.
#[derive(Default)]
struct OpenLog {
    name: Option<String>,
    number: u64,
}

impl OpenLog {
    /// Follows the log of what is selected, if one is to be shown.
    fn turn_to(&mut self, view: &mut View, target: &Target, news: &Sender<News>) {
        let wanted = view.selected().filter(|_| view.has_log).map(str::to_owned);
        if wanted == self.name {
            return;
        }
        self.name = wanted;
        self.number += 1;
        view.clear_log();
        let Some(name) = self.name.clone() else { return };
        let (target, news, number) = (target.clone(), news.clone(), self.number);
        std::thread::spawn(move || {
            // A process without a log has nothing to show, and that is seen.
            let Ok(mut log) = Client::new(target).follow(&log_path(&name, Channel::Stdout)) else { return };
            let mut bytes = log.take_first();
            loop {
                if !bytes.is_empty() && news.send(News::Log(number, std::mem::take(&mut bytes))).is_err() {
                    return;
                }
                if !log.read(&mut bytes).unwrap_or(false) {
                    return;
                }
            }
        });
    }
}
