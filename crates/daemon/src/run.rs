//! The daemon proper: one thread, one loop, one owner of the machine.
//!
//! The loop waits in one place, decides in one place (`Supervisor::step`) and acts in one place
//! (`perform`). Clients and pipes are tended between decisions and can hold up none.

use std::cell::Cell;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use http::ask::Ask;
use http::limits::Limits;
use model::level::Level;
use model::time::Mono;
use os::clock::LocalZone;
use os::poll::{Poller, Ready};
use supervisor::input::Departure;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use wire::keeper::Order;

use crate::handover::Handover;
use crate::state::{Daemon, End};

/// How many requests of clients may wait for the loop; one more is answered "busy".
pub(crate) const ASKS_MAX: usize = 256;

/// How long the keeper gives children that are left when the daemon leaves; there should be none.
const GRACE_MS: u64 = 10_000;

/// How much processor time one turn of the loop may take. No turn takes a second, with ten thousand programs: one
/// that takes this much will never end, and another daemon does better.
const TURN_CPU_MAX: Duration = Duration::from_secs(10);

/// How long clients that have been let in get to ask, and to read their last answer, when the daemon leaves for another.
const LAST_ANSWERS_WAIT: Duration = Duration::from_millis(50);

/// Runs the daemon; `words` are the arguments the keeper gave, the first being its name.
pub fn daemon(words: &[String]) -> ExitCode {
    let Some(handover) = words.get(1..).and_then(Handover::from_arguments) else {
        let _ = io::stderr().write_all(b"this name is for Menshen's own use; run `menshen` instead\n");
        return ExitCode::from(2);
    };
    os::process::set_name(c"menshen-daemon");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return give_up(&handover, &format!("cannot start the event loop: {error}"), 1),
    };
    let local = LocalSet::new();
    local.block_on(&runtime, live(&handover))
}

/// Says why there will be no daemon, in the original's two lines.
fn give_up(handover: &Handover, message: &str, status: u8) -> ExitCode {
    let called = &handover.called;
    let _ = write!(io::stderr(), "Error: {message}\nFor help, use {called} -h\n");
    ExitCode::from(status)
}

/// From the first line of the log to the last.
async fn live(handover: &Handover) -> ExitCode {
    let (mut daemon, endpoints, beginning) = match crate::startup::start(handover) {
        Ok(started) => started,
        Err(error) => return give_up(handover, &error.to_string(), error.status()),
    };
    let (sender, mut asks) = mpsc::channel(ASKS_MAX);
    let log = Rc::clone(&daemon.log);
    let note =
        Rc::new(move |level, text: &str| log.borrow_mut().log(level, os::clock::wall(), &LocalZone, text));
    let followers = daemon.streams.pump.followers();
    let (feed, identifier) = (Rc::clone(&daemon.feed), daemon.identity.identifier.clone());
    let is_leaving = Rc::new(Cell::new(false));
    let door = Rc::clone(&is_leaving);
    let front = http::server::Daemon { asks: sender, note, feed, identifier, followers, is_leaving: door };
    let server = tokio::task::spawn_local(http::server::serve(endpoints, front, Limits::default()));
    if let Err(error) = os::watchdog::watch(TURN_CPU_MAX) {
        daemon.note(Level::Warn, &format!("cannot watch over the loop: {error}"));
    }
    daemon.begin(beginning);
    daemon.flush_log();
    let end = attend(&mut daemon, &mut asks).await;
    if end == End::Succeeded {
        is_leaving.set(true);
        see_off(&mut daemon, &mut asks).await;
    }
    server.abort();
    leave(daemon, end)
}

/// The loop. Returns when everything is stopped, or when the keeper is gone.
async fn attend(daemon: &mut Daemon, asks: &mut mpsc::Receiver<Ask>) -> End {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that may change; this one is owned"
    )]
    let watch = match Poller::new().and_then(AsyncFd::new) {
        Ok(watch) => watch,
        Err(error) => {
            daemon.lose(&format!("cannot make a poller: {error}"));
            return End::Orphaned;
        }
    };
    if let Err(error) = daemon.watch_with(watch.get_ref()) {
        daemon.lose(&format!("cannot watch the keeper: {error}"));
    }
    let mut ready = Vec::new();
    loop {
        if let Some(end) = daemon.end {
            return end;
        }
        os::watchdog::turned();
        tokio::select! {
            biased;
            () = some_ready(&watch, &mut ready) => {}
            Some(ask) = asks.recv() => daemon.take(ask),
            () = until(daemon.deadline()) => {}
            Some(looked) = daemon.sampling.looked() => daemon.looked(looked),
            Some(heard) = daemon.past.heard() => daemon.hear_past(heard),
            () = std::future::ready(()), if daemon.calls.has_paused() || daemon.is_tidying() => {}
        }
        daemon.tend(watch.get_ref(), &mut ready);
        // Where output is ready in every turn, nobody else would ever be.
        if let Ok(ask) = asks.try_recv() {
            daemon.take(ask);
        }
        daemon.hear_threads();
        daemon.resume_some();
        daemon.tidy_on();
        if !daemon.calls.has_paused() {
            daemon.remember_owed();
        }
        daemon.flush_log();
        // What is ready again at once must not keep the clients' tasks from running.
        tokio::task::yield_now().await;
    }
}

/// Answers whoever has been let in, for the moment that they get to read it, too; for whoever comes now, the next daemon is
/// there in a moment. What they ask for is written down like anything else.
async fn see_off(daemon: &mut Daemon, asks: &mut mpsc::Receiver<Ask>) {
    let gone = tokio::time::sleep(LAST_ANSWERS_WAIT);
    tokio::pin!(gone);
    loop {
        os::watchdog::turned();
        tokio::select! {
            biased;
            () = &mut gone => return,
            Some(ask) = asks.recv() => daemon.take(ask),
            () = std::future::ready(()), if daemon.calls.has_paused() => {}
        }
        daemon.resume_some();
        if !daemon.calls.has_paused() {
            daemon.remember_owed();
        }
        daemon.flush_log();
        tokio::task::yield_now().await;
    }
}

/// Waits until something the poller watches is ready, and lists it. Cancel-safe: what it listed
/// stays in the list, and what it did not stays ready.
async fn some_ready(watch: &AsyncFd<Poller>, ready: &mut Vec<Ready>) {
    loop {
        let Ok(mut guard) = watch.readable().await else {
            return; // The runtime is shutting down.
        };
        if watch.get_ref().wait(ready, Some(Duration::ZERO)).is_err() || !ready.is_empty() {
            return;
        }
        guard.clear_ready();
    }
}

/// Waits for a moment on the monotonic clock; for ever without one.
async fn until(deadline: Option<Mono>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline - os::clock::mono()).await,
        None => std::future::pending().await,
    }
}

/// The last words to the keeper. Unless everything goes on without this daemon, the pidfile and the sockets go.
fn leave(mut daemon: Daemon, end: End) -> ExitCode {
    daemon.close_past(match end {
        End::Departed(Departure::Shutdown) => "it has ended",
        End::Departed(Departure::Restart) => "it has ended, to begin again",
        End::Succeeded => "the daemon leaves for another one",
        End::Orphaned => "the daemon has lost its keeper",
    });
    if let End::Departed(_) = end {
        daemon.close_outputs();
    }
    daemon.flush_log();
    let order = match end {
        End::Departed(Departure::Shutdown) => {
            daemon.clean_up();
            daemon.forget_all();
            Order::Leave { grace_ms: GRACE_MS }
        }
        End::Departed(Departure::Restart) => {
            daemon.clean_up();
            daemon.have_all_forgotten();
            Order::Restart
        }
        End::Succeeded => Order::Restart,
        End::Orphaned => return daemon.take_over(),
    };
    let sent = daemon.link.send_last(&order);
    daemon.flush_log();
    // The end of the process frees everything at once. To take thousands of programs apart one by one is milliseconds in which
    // the keeper, and whoever waits for it, would wait.
    std::mem::forget(daemon);
    match sent {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
