//! `[fcgi-program:x]`: a program whose processes share one listening socket.

use model::spec::{GroupKind, GroupSpec, SocketSpec};

use crate::diagnostic::{Report, Reported, Wrong};
use crate::ini::Section;
use crate::option::{OptionInfo, fcgi as option, process};
use crate::python;
use crate::section::program::{own_name, processes};
use crate::section::{Context, Reader, Suffix};
use crate::value::{self, ValueError};

/// The permission bits of a unix socket that names none.
const DEFAULT_MODE: u32 = 0o700;

/// The group of such a program.
pub(crate) fn read(
    context: Context<'_>,
    section: &Section,
    report: &mut Report,
) -> Result<GroupSpec, Reported> {
    let mut reader = Reader::new(context, section, context.scope(), report);
    let name = own_name(&mut reader)?;
    let priority = reader.value(&process::PRIORITY, value::integer);
    let socket = read_socket(&mut reader, name.as_str());
    let processes = processes(context, section, name.as_str(), report);
    Ok(GroupSpec { name, priority: priority?, kind: GroupKind::FastCgi(socket?), processes: processes? })
}

/// What the section says about its socket beside the address.
struct Access {
    user: Option<(u32, u32)>,
    owner: Option<(u32, Option<u32>)>,
    mode: Option<u32>,
    backlog: Option<u16>,
}

fn read_socket(reader: &mut Reader<'_, '_>, program: &str) -> Result<SocketSpec, Reported> {
    let machine = reader.context.machine;
    let user = reader.optional(&process::USER, |text| machine.user(text).map(|user| (user.uid, user.gid)));
    let backlog = reader.optional(&option::SOCKET_BACKLOG, parse_backlog);
    let owner = reader.optional(&option::SOCKET_OWNER, |text| {
        let owner = machine.owner(text).map_err(Wrong::from);
        owner.map_err(|wrong| wrong.originally(format!("Invalid socket_owner value {text}")))
    });
    let mode = reader.optional(&option::SOCKET_MODE, |text| {
        let mode = value::octal(text).map_err(Wrong::from);
        mode.map_err(|wrong| wrong.originally(format!("Invalid socket_mode value {text}")))
    });
    let scope = reader.context.scope().with("program_name", program);
    let suffix = Suffix::Text(format!(" in [{}] socket", reader.section.name));
    let text = reader.again(scope, Suffix::Nothing).text(&option::SOCKET)?.unwrap_or_default();
    if text.is_empty() {
        let original = format!("[{}] section requires a \"socket\" line", reader.section.name);
        return Err(reader.missing(&option::SOCKET, original));
    }
    let access = Access { user: user?, owner: owner?, mode: mode?, backlog: backlog? };
    let mut reader = reader.again(reader.context.scope(), suffix);
    match text.strip_prefix("unix://") {
        Some(path) => unix_socket(&mut reader, path, &access),
        None => tcp_socket(&mut reader, &text, &access),
    }
}

fn parse_backlog(text: &str) -> Result<u16, Wrong> {
    let number = value::integer(text)?;
    u16::try_from(number).ok().filter(|it| *it > 0).ok_or_else(|| {
        let original = format!("Invalid socket_backlog value {number}");
        Wrong::new(format!("`{number}` is not a length of a queue"), original)
            .or_else_write("write a number from 1 to 65535")
    })
}

fn unix_socket(reader: &mut Reader<'_, '_>, path: &str, access: &Access) -> Result<SocketSpec, Reported> {
    if !path.starts_with('/') {
        let original = format!("('Unix socket path %s is not an absolute path', {})", python::repr(path));
        let wrong = Wrong::new(format!("`{path}` is not an absolute path"), original);
        return Err(reader.wrong(&option::SOCKET, wrong.or_else_write("write `unix:///path/of/socket`")));
    }
    let machine = reader.context.machine;
    let own_uid = machine.outside.own_uid();
    let of_user = access.user.filter(|(uid, _)| *uid != own_uid).map(|(uid, gid)| (uid, Some(gid)));
    Ok(SocketSpec::Unix {
        path: machine.full_path(path).into(),
        owner: access.owner.or(of_user),
        mode: access.mode.unwrap_or(DEFAULT_MODE),
        backlog: access.backlog,
    })
}

fn tcp_socket(reader: &mut Reader<'_, '_>, text: &str, access: &Access) -> Result<SocketSpec, Reported> {
    let unix_only: Option<&'static OptionInfo> = match access {
        Access { owner: Some(_), .. } => Some(&option::SOCKET_OWNER),
        Access { mode: Some(_), .. } => Some(&option::SOCKET_MODE),
        Access { .. } => None,
    };
    if let Some(option) = unix_only {
        let wrong = Wrong::new(
            "it has a meaning only for a unix socket",
            "socket_owner and socket_mode params should only be used with a Unix domain socket",
        );
        return Err(reader.wrong(option, wrong.or_else_write("leave it out")));
    }
    let Some((host, digits)) = split_tcp(text) else {
        let original = format!("('Bad socket format %s', {})", python::repr(text));
        let wrong = Wrong::new(format!("`{text}` is not the address of a socket"), original);
        let remedy = "write `tcp://host:port` or `unix:///path/of/socket`";
        return Err(reader.wrong(&option::SOCKET, wrong.or_else_write(remedy)));
    };
    let port =
        value::port(digits).map_err(|error: ValueError| reader.wrong(&option::SOCKET, error.into()))?;
    Ok(SocketSpec::Tcp { host: host.to_lowercase(), port, backlog: access.backlog })
}

/// `tcp://host:port`, the host without blanks and colons, the port all digits.
fn split_tcp(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.strip_prefix("tcp://")?.split_once(':')?;
    let host_is_one = !host.is_empty() && !host.contains(python::is_space);
    let port_is_one = !port.is_empty() && port.chars().all(|it| it.is_ascii_digit());
    (host_is_one && port_is_one).then_some((host, port))
}
