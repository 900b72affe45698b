//! `[rpcinterface:x]` and `[ctlplugin:x]`: plug-ins in Python. They are accepted as the original
//! accepts them, and listed as what cannot be hosted.

use crate::diagnostic::{Report, Reported, Wrong};
use crate::ini::Section;
use crate::option::{OptionInfo, ctl_plugin, rpc_interface};
use crate::python;
use crate::section::program::bare_name;
use crate::section::{Context, Reader};
use crate::settings::{RpcInterface, Unhosted};
use crate::suggest;

/// The modules of the original that a plug-in could be looked for in.
const MODULES: [&str; 21] = [
    "childutils",
    "compat",
    "confecho",
    "datatypes",
    "dispatchers",
    "events",
    "http",
    "http_client",
    "loggers",
    "medusa",
    "options",
    "pidproxy",
    "poller",
    "process",
    "rpcinterface",
    "socket_manager",
    "states",
    "supervisorctl",
    "supervisord",
    "templating",
    "web",
];

/// The modules of which we know all that can be meant, and that one function.
const KNOWN: [(&str, &str); 2] =
    [("rpcinterface", "make_main_rpcinterface"), ("dispatchers", "default_handler")];

/// What a plug-in section yields: the plug-in, and the same again if it cannot be hosted.
pub(crate) type Plugin = (RpcInterface, Option<Unhosted>);

/// Reads `[rpcinterface:x]`.
pub(crate) fn read_interface(
    context: Context<'_>,
    section: &Section,
    report: &mut Report,
) -> Result<Plugin, Reported> {
    read(context, section, &rpc_interface::FACTORY, RpcInterface::MAIN_FACTORY, report)
}

/// Reads `[ctlplugin:x]`. None can be hosted.
pub(crate) fn read_ctl_plugin(
    context: Context<'_>,
    section: &Section,
    report: &mut Report,
) -> Result<Plugin, Reported> {
    read(context, section, &ctl_plugin::FACTORY, "", report)
}

fn read(
    context: Context<'_>,
    section: &Section,
    option: &'static OptionInfo,
    hosted: &str,
    report: &mut Report,
) -> Result<Plugin, Reported> {
    let mut reader = Reader::new(context, section, context.bare_scope(), report);
    let Some(factory) = reader.text(option)? else {
        let original = format!("section [{}] does not specify a {}", section.name, option.name);
        return Err(reader.missing(option, original));
    };
    let (factory, unhosted) = check_plugin(&mut reader, option, &factory, hosted)?;
    let options = read_arguments(&mut reader, option)?;
    Ok((RpcInterface { name: bare_name(section).to_owned(), factory, options }, unhosted))
}

/// All other options of the section, and those of `[DEFAULT]`, are arguments of the plug-in.
fn read_arguments(
    reader: &mut Reader<'_, '_>,
    factory: &'static OptionInfo,
) -> Result<Vec<(String, String)>, Reported> {
    let (section, defaults) = (reader.section, &reader.context.document.defaults);
    let only_default = |name: &str| section.field(name).is_none();
    let fields = section.fields.iter().chain(defaults.fields.iter().filter(|it| only_default(&it.name)));
    let mut arguments = Ok(Vec::new());
    for field in fields.filter(|it| it.name != factory.name) {
        let place = format!("{}.{}", section.name, field.name);
        match (crate::expand::expand(&field.value, &reader.scope, &place), &mut arguments) {
            (Ok(value), Ok(arguments)) => arguments.push((field.name.clone(), value.into_owned())),
            (Ok(_), Err(Reported)) => {}
            (Err(error), _) => {
                let mut wrong = Wrong::from(error);
                wrong.message = format!("[{}] {}: {}", section.name, field.name, wrong.message);
                arguments = Err(reader.report.error(Some(field.place()), wrong));
            }
        }
    }
    arguments
}

/// Checks the name of a plug-in, and gives it back, alone if it is the one that is hosted.
///
/// Whether a foreign module exists cannot be known without Python, so it is believed; within the
/// original's own package a wrong name is an error, as it is there.
pub(crate) fn check_plugin(
    reader: &mut Reader<'_, '_>,
    option: &'static OptionInfo,
    plugin: &str,
    hosted: &str,
) -> Result<(String, Option<Unhosted>), Reported> {
    if split_entry_point(plugin).is_some_and(|it| Some(it) == split_entry_point(hosted)) {
        return Ok((hosted.to_owned(), None));
    }
    let Some(reason) = unresolvable(plugin) else {
        let place = reader.field(option).map(crate::ini::Field::place);
        let section = reader.section.name.clone();
        let message = format!("[{section}] {}: `{plugin}` is Python, which cannot be run here", option.name);
        let remedy = match hosted {
            "" => "it is left out".to_owned(),
            _ => format!("only `{hosted}` can be used"),
        };
        reader.report.warning(place.clone(), message, Some(remedy));
        let plugin = plugin.to_owned();
        return Ok((plugin.clone(), Some(Unhosted { section, option: option.name, plugin, place })));
    };
    let original = format!("{plugin} cannot be resolved within [{}]: {reason}", reader.section.name);
    let wrong = Wrong::new(format!("there is no `{plugin}`"), original);
    let known = KNOWN.map(|(module, function)| format!("supervisor.{module}:{function}"));
    Err(reader.wrong(
        option,
        match suggest::nearest(plugin, known.iter().map(String::as_str)) {
            Some(meant) => wrong.or_else_write(format!("write `{meant}`")),
            None => wrong,
        },
    ))
}

/// Why Python could not find a plug-in, where that can be known.
fn unresolvable(plugin: &str) -> Option<String> {
    let Some((module, function)) = split_entry_point(plugin) else {
        return Some("'NoneType' object has no attribute 'group'".to_owned());
    };
    let own = module.strip_prefix("supervisor.")?;
    let top = own.split('.').next().unwrap_or(own);
    if !MODULES.contains(&top) && !matches!(top, "xmlrpc" | "scripts" | "skel" | "tests") {
        return Some(format!("No module named 'supervisor.{top}'"));
    }
    let (_, known) = KNOWN.iter().find(|(module, _)| *module == top)?;
    if own != top {
        return Some(format!("No module named '{module}'; 'supervisor.{top}' is not a package"));
    }
    match function {
        Some(function) if function == *known => None,
        Some(function) => Some(format!("module '{module}' has no attribute '{function}'")),
        // The module itself cannot be called, but the original finds that out only later.
        None => None,
    }
}

/// Splits `module:function [extras]` as Python's `importlib.metadata` does.
fn split_entry_point(text: &str) -> Option<(&str, Option<&str>)> {
    let is_dotted = |it: &str| !it.is_empty() && it.chars().all(|c| c.is_alphanumeric() || "_.".contains(c));
    let text = match text.find('[') {
        Some(at) if python::strip_end(text).ends_with(']') => &text[..at],
        _ => text,
    };
    let (module, function) = match text.split_once(':') {
        Some((module, function)) => (module, Some(python::strip(function))),
        None => (text, None),
    };
    let module = python::strip_end(module);
    (is_dotted(module) && function.is_none_or(is_dotted)).then_some((module, function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_refused_only_where_python_surely_would() {
        let cases = [
            ("supervisor.rpcinterface:make_main_rpcinterface", None),
            ("supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface", None),
            ("supervisor.web:anything", None),
            ("mine", None),
            ("mine:f [extra]", None),
            (
                "supervisor.rpcinterface:make",
                Some("module 'supervisor.rpcinterface' has no attribute 'make'"),
            ),
            (
                "supervisor.rpcinterface.make",
                Some(
                    "No module named 'supervisor.rpcinterface.make'; 'supervisor.rpcinterface' is not a package",
                ),
            ),
            ("supervisor.nope:f", Some("No module named 'supervisor.nope'")),
            ("a b", Some("'NoneType' object has no attribute 'group'")),
            ("", Some("'NoneType' object has no attribute 'group'")),
        ];
        for (plugin, reason) in cases {
            assert_eq!(unresolvable(plugin).as_deref(), reason, "{plugin}");
        }
    }
}
