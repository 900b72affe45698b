//! What `menshen` runs when there is no configuration to be found: a few small real programs, so
//! that a newcomer sees a supervisor at work within a second.

use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use os::listen::ListenError;

use crate::estate::Keepsake;
use crate::servers;

/// Who may see the demonstration: this machine.
const HOST: &str = "127.0.0.1";

/// The port the original's documentation made everyone's habit.
const PORT: u16 = 9001;

/// Where the demonstration lives and what to tell who sees it.
#[derive(Debug)]
pub struct Demonstration {
    /// Its configuration file.
    pub config: PathBuf,
    /// What to print before it starts.
    pub greeting: String,
    /// The port it has been told of, which is its own from then on.
    pub(crate) socket: Keepsake,
}

/// Writes the demonstration's configuration into a directory of its own. `called` is how this program
/// was called, to be typed again.
///
/// # Errors
/// When the directory cannot be made, or belongs to someone else.
pub fn prepare(called: &str) -> io::Result<Demonstration> {
    let room = room()?;
    let listener = listen().map_err(io::Error::other)?;
    let port = listener.local_addr()?.port();
    let socket = socket_path();
    let config = room.join("supervisord.conf");
    std::fs::write(&config, configuration(&room, &socket, port))?;
    let greeting = greeting(called, &config, &socket, port);
    Ok(Demonstration { config, greeting, socket: servers::keepsake(HOST, port, listener) })
}

/// The socket of the demonstration; `menshen status` looks here when it finds no configuration.
///
/// `$XDG_RUNTIME_DIR/menshen-demo.sock`, else `/tmp/menshen-demo-<uid>.sock`.
fn socket_path() -> PathBuf {
    place("menshen-demo.sock", ".sock")
}

/// A path for the demonstration: `own` in the user's runtime directory where there is one, else a
/// name in `/tmp` that holds the user's number.
fn place(own: &str, suffix: &str) -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|it| Path::new(it).is_dir()) {
        Some(runtime) => Path::new(&runtime).join(own),
        None => PathBuf::from(format!("/tmp/menshen-demo-{}{suffix}", os::user::own_uid())),
    }
}

/// A directory only this user can write to. In `/tmp` anyone may have made one of that name first,
/// so who owns it is looked at after it is sure to be there, without following links.
fn room() -> io::Result<PathBuf> {
    let path = place("menshen-demo", "");
    match std::fs::DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let about = std::fs::symlink_metadata(&path)?;
    if !about.is_dir() || about.uid() != os::user::own_uid() || about.mode() & 0o022 != 0 {
        let message = format!("{} is not a directory of yours alone; remove it", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(path)
}

/// Listens on the usual port if it is free, else on one that is.
fn listen() -> Result<TcpListener, ListenError> {
    os::listen::tcp(HOST, PORT).or_else(|_| os::listen::tcp(HOST, 0))
}

fn configuration(room: &Path, socket: &Path, port: u16) -> String {
    let (room, socket) = (room.display(), socket.display());
    format!(
        "\
; The demonstration of Menshen. Written anew at each start: copy it elsewhere before you change it.

[supervisord]
logfile = {room}/supervisord.log
pidfile = {room}/supervisord.pid
childlogdir = {room}
history_file = {room}/history.db

[unix_http_server]
file = {socket}

[inet_http_server]
port = {HOST}:{port}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{socket}

; Says the time every five seconds. Its `sleep` stops with it.
[program:clock]
stopasgroup = true
command = sh -c 'while :; do date; sleep 5; done'

; Works for a while, then crashes, and is started again.
[program:moody]
stopasgroup = true
command = sh -c 'echo working; sleep 12; echo \"out of luck\" >&2; exit 3'

; Three copies in one group.
[program:worker]
stopasgroup = true
command = sh -c 'while :; do echo \"worker %(process_num)d is waiting for work\"; sleep 20; done'
process_name = worker_%(process_num)d
numprocs = 3
numprocs_start = 1
"
    )
}

fn greeting(called: &str, config: &Path, socket: &Path, port: u16) -> String {
    let (config, socket) = (config.display(), socket.display());
    format!(
        "\
No configuration file was found, so this is the demonstration. It supervises

  clock       says the time every five seconds
  moody       crashes now and then, and is started again
  worker:*    three copies of one program in a group

  configuration  {config}
  socket         {socket}
  web page       http://127.0.0.1:{port}/

Now type, in another terminal:

  {called} status
  {called} tail -f clock
  {called} restart 'worker:*'

Ctrl-C here stops it all. With a file of yours: {called} -c supervisord.conf

"
    )
}
