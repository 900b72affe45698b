//! The commands of `supervisorctl`: one table, one file per family.

pub(crate) mod daemon;
pub(crate) mod follow;
pub(crate) mod foreground;
pub(crate) mod groups;
pub(crate) mod help;
pub(crate) mod logs;
pub(crate) mod orders;
pub(crate) mod show;

use crate::session::{Failure, Session};

/// What a command does.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// Leaves the shell.
    Leave,
    /// Anything else: runs with the rest of the line.
    Run(fn(&mut Session<'_>, &str) -> Result<(), Failure>),
}

/// A command.
pub(crate) struct Command {
    /// The word.
    pub name: &'static str,
    /// Its forms, as `help` shows them: part of the interface, tabs included.
    pub usage: &'static str,
    /// What it does.
    pub act: Act,
    /// Whether it is among the topics `help` lists.
    pub listed: bool,
}

const fn command(
    name: &'static str,
    run: fn(&mut Session<'_>, &str) -> Result<(), Failure>,
    usage: &'static str,
) -> Command {
    Command { name, usage, act: Act::Run(run), listed: true }
}

const fn leave(name: &'static str, usage: &'static str) -> Command {
    Command { name, usage, act: Act::Leave, listed: true }
}

/// Every command, sorted by name as `help` and completion show them.
pub(crate) static TABLE: [Command; 23] = [
    Command { listed: false, ..leave("EOF", "") },
    command("add", groups::add, "add <name> [...]\tActivates any updates in config for process/group"),
    command("avail", show::avail, "avail\t\t\tDisplay all configured processes"),
    command(
        "clear",
        orders::clear,
        "clear <name>\t\tClear a process' log files.\n\
         clear <name> <name>\tClear multiple process' log files\n\
         clear all\t\tClear all process' log files",
    ),
    leave("exit", "exit\tExit the supervisor shell."),
    command(
        "fg",
        foreground::fg,
        "fg <process>\tConnect to a process in foreground mode\n\t\tCtrl-C to exit",
    ),
    Command {
        listed: false,
        ..command(
            "help",
            help::help,
            "help\t\tPrint a list of available actions\nhelp <action>\tPrint help for <action>",
        )
    },
    command(
        "maintail",
        logs::maintail,
        "maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)\n\
         maintail -100\tlast 100 *bytes* of supervisord main log file\n\
         maintail\tlast 1600 *bytes* of supervisor main log file\n",
    ),
    command(
        "open",
        daemon::open,
        "open <url>\tConnect to a remote supervisord process.\n\
         \t\t(for UNIX domain socket, use unix:///socket/path)",
    ),
    command(
        "pid",
        show::pid,
        "pid\t\t\tGet the PID of supervisord.\n\
         pid <name>\t\tGet the PID of a single child process by name.\n\
         pid all\t\t\tGet the PID of every child process, one per line.",
    ),
    leave("quit", "quit\tExit the supervisor shell."),
    command("reload", daemon::reload, "reload \t\tRestart the remote supervisord."),
    command("remove", groups::remove, "remove <name> [...]\tRemoves process/group from active config"),
    command(
        "reread",
        groups::reread,
        "reread \t\t\tReload the daemon's configuration files without add/remove",
    ),
    command(
        "restart",
        orders::restart,
        "restart <name>\t\tRestart a process\n\
         restart <gname>:*\tRestart all processes in a group\n\
         restart <name> <name>\tRestart multiple processes or groups\n\
         restart all\t\tRestart all processes\n\
         Note: restart does not reread config files. For that, see reread and update.",
    ),
    command("shutdown", daemon::shutdown, "shutdown \tShut the remote supervisord down."),
    command(
        "signal",
        orders::signal,
        "signal <signal name> <name>\t\tSignal a process\n\
         signal <signal name> <gname>:*\t\tSignal all processes in a group\n\
         signal <signal name> <name> <name>\tSignal multiple processes or groups\n\
         signal <signal name> all\t\tSignal all processes",
    ),
    command(
        "start",
        orders::start,
        "start <name>\t\tStart a process\n\
         start <gname>:*\t\tStart all processes in a group\n\
         start <name> <name>\tStart multiple processes or groups\n\
         start all\t\tStart all processes",
    ),
    command(
        "status",
        show::status,
        "status <name>\t\tGet status for a single process\n\
         status <gname>:*\tGet status for all processes in a group\n\
         status <name> <name>\tGet status for multiple named processes\n\
         status\t\t\tGet all process status info",
    ),
    command(
        "stop",
        orders::stop,
        "stop <name>\t\tStop a process\n\
         stop <gname>:*\t\tStop all processes in a group\n\
         stop <name> <name>\tStop multiple processes or groups\n\
         stop all\t\tStop all processes",
    ),
    command(
        "tail",
        logs::tail,
        "tail [-f] <name> [stdout|stderr] (default stdout)\n\
         Ex:\n\
         tail -f <name>\t\tContinuous tail of named process stdout\n\
         \t\t\tCtrl-C to exit.\n\
         tail -100 <name>\tlast 100 *bytes* of process stdout\n\
         tail <name> stderr\tlast 1600 *bytes* of process stderr",
    ),
    command(
        "update",
        groups::update,
        "update\t\t\tReload config and add/remove as necessary, and will restart affected programs\n\
         update all\t\tReload config and add/remove as necessary, and will restart affected programs\n\
         update <gname> [...]\tUpdate specific groups",
    ),
    command("version", show::version, "version\t\t\tShow the version of the remote supervisord process"),
];

/// The command of this name.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    TABLE.iter().find(|it| it.name == name)
}
