//! All of it: sections to one configuration, with everything that is wrong with it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use model::level::Level;
use model::outside::Outside;
use model::spec::GroupSpec;

use crate::compat::{self, Compat};
use crate::diagnostic::{Diagnostic, Report, Reported, Severity};
use crate::ini::Section;
use crate::lint;
use crate::machine::Machine;
use crate::option::SectionKind;
use crate::section::server::Known;
use crate::section::{Context, fcgi, group, listener, plugin, program, server, supervisord, user};
use crate::settings::{Config, Overrides, RpcInterface, ServerSpec, Unhosted};
use crate::source;

/// What a load yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration, unless there is an error in it.
    pub config: Option<Config>,
    /// Every problem: errors in the order in which the original would meet them, warnings among
    /// them where they came up and after them.
    pub diagnostics: Vec<Diagnostic>,
    /// What the original writes to its log about the files when it starts, in its order and words.
    pub notices: Vec<(Level, String)>,
}

impl Loaded {
    /// What the original prints after `Error: ` when it refuses such files.
    pub fn first_error(&self) -> Option<&str> {
        let first = self.diagnostics.iter().find(|it| it.severity == Severity::Error)?;
        Some(first.original.as_deref().unwrap_or(&first.message))
    }
}

/// Reads a configuration file and what it includes, and lays the command line over it.
pub fn load(path: &Path, overrides: &Overrides, outside: &dyn Outside) -> Loaded {
    load_with(path, overrides, outside, None)
}

/// The same, and how much of the files does here what it does in the original; nothing unless they could
/// be read.
pub fn load_with_compat(path: &Path, overrides: &Overrides, outside: &dyn Outside) -> (Loaded, Compat) {
    let mut compat = Compat::default();
    (load_with(path, overrides, outside, Some(&mut compat)), compat)
}

fn load_with(
    path: &Path,
    overrides: &Overrides,
    outside: &dyn Outside,
    compat: Option<&mut Compat>,
) -> Loaded {
    let machine = Machine::new(outside);
    let mut report = Report::default();
    let config =
        resolve(&machine, path, overrides, (&mut report, compat)).ok().filter(|_| !report.has_errors());
    let (diagnostics, notices) = report.finish();
    Loaded { config, diagnostics, notices }
}

fn resolve(
    machine: &Machine<'_>,
    path: &Path,
    overrides: &Overrides,
    (report, compat): (&mut Report, Option<&mut Compat>),
) -> Result<Config, Reported> {
    let sources = source::read_all(machine, path, report)?;
    let main_file = path.to_string_lossy();
    let processes = Cell::new(0);
    let mut context = Context {
        machine,
        document: &sources.document,
        here: &sources.here,
        main_file: &main_file,
        variables: &machine.variables,
        for_all: &[],
        processes: &processes,
    };
    let daemon = supervisord::read(context, overrides, report);
    let mut variables = machine.variables.clone();
    variables.extend(daemon.environment.iter().cloned());
    context.variables = &variables;
    context.for_all = &daemon.environment;
    let mut unhosted = Vec::new();
    let rpc_interfaces = read_interfaces(context, &mut unhosted, report);
    let groups = read_groups(context, &mut unhosted, report);
    let users = read_users(context, report);
    let servers = read_servers(context, &users, report);
    let user = supervisord::find_user(context, daemon.user, report);
    check_ctl_plugins(context, &mut unhosted, report);
    if let Some(compat) = compat {
        *compat = compat::survey(&sources.document, &unhosted);
    }
    lint::check(&sources.document, &groups, report);
    let mut settings = daemon.settings?;
    settings.user = user?;
    Ok(Config {
        server_url: server_url(&servers),
        settings,
        servers,
        groups: groups.into_iter().map(Arc::new).collect(),
        rpc_interfaces,
        unhosted,
        include_patterns: sources.include_patterns,
        files: sources.files,
    })
}

/// The sections of one kind, in the order of the files.
fn sections(context: Context<'_>, kind: SectionKind) -> impl Iterator<Item = &Section> {
    context.document.sections.iter().filter(move |it| it.name.starts_with(kind.prefix()))
}

fn read_interfaces(
    context: Context<'_>,
    unhosted: &mut Vec<Unhosted>,
    report: &mut Report,
) -> Vec<RpcInterface> {
    let mut interfaces = Vec::new();
    for section in sections(context, SectionKind::RpcInterface) {
        if let Ok((interface, foreign)) = plugin::read_interface(context, section, report) {
            interfaces.push(interface);
            unhosted.extend(foreign);
        }
    }
    interfaces
}

/// The daemon of the original does not look at these; only its client does.
fn check_ctl_plugins(context: Context<'_>, unhosted: &mut Vec<Unhosted>, report: &mut Report) {
    let mut unread = Report::default();
    for section in sections(context, SectionKind::CtlPlugin) {
        if let Ok((_, Some(foreign))) = plugin::read_ctl_plugin(context, section, &mut unread) {
            let message =
                format!("[{}]: `{}` is Python, which cannot be run here", foreign.section, foreign.plugin);
            report.warning(foreign.place.clone(), message, Some("it is left out".to_owned()));
            unhosted.push(foreign);
        }
    }
}

/// All groups in the order in which they are started.
fn read_groups(context: Context<'_>, unhosted: &mut Vec<Unhosted>, report: &mut Report) -> Vec<GroupSpec> {
    let mut taken = BTreeSet::new();
    let mut groups: Vec<GroupSpec> = Vec::new();
    for section in sections(context, SectionKind::Group) {
        groups.extend(group::read(context, section, &mut taken, report));
    }
    for section in sections(context, SectionKind::Program).filter(|it| !taken.contains(&it.name)) {
        groups.extend(program::read_group(context, section, report));
    }
    for section in sections(context, SectionKind::EventListener) {
        if let Ok((pool, foreign)) = listener::read(context, section, report) {
            groups.push(pool);
            unhosted.extend(foreign);
        }
    }
    for section in sections(context, SectionKind::FcgiProgram).filter(|it| !taken.contains(&it.name)) {
        groups.extend(fcgi::read(context, section, report));
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    groups
}

/// All users, and those that nobody can be. A server that names one of these is not wrong.
fn read_users(context: Context<'_>, report: &mut Report) -> Known {
    let mut known = Known::default();
    for section in sections(context, SectionKind::User) {
        match user::read(context, section, report) {
            Ok(user) => known.users.push(user),
            Err(Reported) => known.broken.push(section.name.clone()),
        }
    }
    known
}

fn read_servers(context: Context<'_>, users: &Known, report: &mut Report) -> Vec<ServerSpec> {
    let mut servers = Vec::new();
    for section in sections(context, SectionKind::InetHttpServer) {
        servers.extend(server::read_inet(context, section, users, report));
    }
    for section in sections(context, SectionKind::UnixHttpServer) {
        servers.extend(server::read_unix(context, section, users, report));
    }
    servers
}

/// The address for `SUPERVISOR_SERVER_URL` (`ServerOptions.realize`): the first unix server, else
/// the last inet server.
fn server_url(servers: &[ServerSpec]) -> Option<String> {
    let unix = servers.iter().find_map(|server| match server {
        ServerSpec::Unix { file, .. } => Some(format!("unix://{}", file.display())),
        ServerSpec::Inet { .. } => None,
    });
    unix.or_else(|| {
        servers.iter().rev().find_map(|server| match server {
            ServerSpec::Inet { host, port, tls, .. } => {
                let scheme = if tls.is_some() { "https" } else { "http" };
                let host = if host.is_empty() { "localhost" } else { host };
                Some(format!("{scheme}://{host}:{port}"))
            }
            ServerSpec::Unix { .. } => None,
        })
    })
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
