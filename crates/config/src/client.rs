//! `[supervisorctl]`: what the command line client reads (`options.py`,
//! `ClientOptions.read_config`). It looks at the main file only.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use model::outside::Outside;

use crate::diagnostic::{Report, Reported, Severity, Wrong};
use crate::ini::Document;
use crate::machine::Machine;
use crate::option::{SectionKind, client as option};
use crate::python;
use crate::section::{Context, Reader, Suffix, plugin};
use crate::settings::Unhosted;
use crate::source;

/// What the client needs to know.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// The server: `unix://` and an absolute path, or `http://` and an address.
    pub serverurl: String,
    /// The name to give it.
    pub username: Option<String>,
    /// The password to give it.
    pub password: Option<String>,
    /// What the prompt shows.
    pub prompt: String,
    /// Where commands are remembered, an absolute path.
    pub history_file: Option<PathBuf>,
    /// Plug-ins in Python that cannot be hosted.
    pub unhosted: Vec<Unhosted>,
}

impl Default for ClientSettings {
    /// What holds without a file.
    fn default() -> Self {
        Self {
            serverurl: option::SERVERURL.default.unwrap_or_default().to_owned(),
            username: None,
            password: None,
            prompt: option::PROMPT.default.unwrap_or_default().to_owned(),
            history_file: None,
            unhosted: Vec::new(),
        }
    }
}

impl std::fmt::Debug for ClientSettings {
    /// Without the password: people paste logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSettings")
            .field("serverurl", &self.serverurl)
            .field("username", &self.username)
            .field("prompt", &self.prompt)
            .field("history_file", &self.history_file)
            .finish_non_exhaustive()
    }
}

/// Reads the client's part of a file.
///
/// # Errors
/// What the original prints after `Error: ` for such a file.
pub fn load(path: &Path, outside: &dyn Outside) -> Result<ClientSettings, String> {
    let machine = Machine::new(outside);
    let mut report = Report::default();
    let settings = read(&machine, path, &mut report);
    let (diagnostics, _) = report.finish();
    let error = diagnostics.into_iter().find(|it| it.severity == Severity::Error);
    match (settings, error) {
        (Ok(settings), None) => Ok(settings),
        (_, error) => Err(error.map(|it| it.original.unwrap_or(it.message)).unwrap_or_default()),
    }
}

/// The section that is the client's.
const SECTION: &str = "supervisorctl";

/// Whether the client reads a section. Of all others it tells what is no configuration at all, as the original does.
fn is_of_client(section: &str) -> bool {
    section == SECTION || section.starts_with(SectionKind::CtlPlugin.prefix())
}

fn read(machine: &Machine<'_>, path: &Path, report: &mut Report) -> Result<ClientSettings, Reported> {
    let document = source::read_main(machine, path, Document::of(is_of_client), report)?;
    let main_file = path.to_string_lossy();
    let here = python::dirname(&machine.full_path(&main_file)).to_owned();
    let context = Context {
        machine,
        document: &document,
        here: &here,
        main_file: &main_file,
        variables: &machine.variables,
        for_all: &[],
        processes: &Cell::new(0),
    };
    let Some(section) = document.section(SECTION) else {
        let wrong = Wrong::new(
            format!("{main_file} has no [supervisorctl] section"),
            ".ini file does not include supervisorctl section",
        );
        return Err(report.error(None, wrong));
    };
    let mut reader = Reader::new(context, section, context.scope(), report);
    let serverurl = reader.text(&option::SERVERURL);
    let mut plain = reader.again(context.bare_scope(), Suffix::Nothing);
    let prompt = plain.text(&option::PROMPT);
    let username = plain.text(&option::USERNAME);
    let password = plain.text(&option::PASSWORD);
    let history_file = reader.text(&option::HISTORY_FILE);
    let unhosted = read_plugins(context, report)?;
    let history_file = history_file?.filter(|it| !it.is_empty());
    Ok(ClientSettings {
        serverurl: absolute_url(machine, &serverurl?.unwrap_or_default()),
        prompt: prompt?.unwrap_or_default().into_owned(),
        username: username?.map(std::borrow::Cow::into_owned),
        password: password?.map(std::borrow::Cow::into_owned),
        history_file: history_file.map(|it| machine.full_path(&it).into()),
        unhosted,
    })
}

fn absolute_url(machine: &Machine<'_>, url: &str) -> String {
    match url.strip_prefix("unix://") {
        Some(path) => format!("unix://{}", machine.full_path(path)),
        None => url.to_owned(),
    }
}

fn read_plugins(context: Context<'_>, report: &mut Report) -> Result<Vec<Unhosted>, Reported> {
    let prefix = SectionKind::CtlPlugin.prefix();
    let mut unhosted = Vec::new();
    for section in context.document.sections.iter().filter(|it| it.name.starts_with(prefix)) {
        unhosted.extend(plugin::read_ctl_plugin(context, section, report)?.1);
    }
    Ok(unhosted)
}
