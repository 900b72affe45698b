//! What surrounds every page: the head, the way to the other pages, and the forms of how it looks.

use model::language::Language;
use model::role::Role;

use crate::assets;
use crate::html::{push_attribute, push_element, push_text};
use crate::words::{self, Words};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the reader's system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word for it in forms and cookies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    const fn name(self, words: &Words) -> &'static str {
        match self {
            Self::System => words.theme_system,
            Self::Light => words.theme_light,
            Self::Dark => words.theme_dark,
        }
    }
}

/// A page that can be gone to from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// All processes.
    Overview,
    /// What happened.
    Events,
    /// The machine.
    Machine,
    /// The listener pools.
    Listeners,
    /// What an update would change.
    Plan,
}

impl Place {
    /// Every one, in the order of the navigation.
    pub const ALL: [Self; 5] = [Self::Overview, Self::Events, Self::Machine, Self::Listeners, Self::Plan];

    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Events => "/events",
            Self::Machine => "/machine",
            Self::Listeners => "/listeners",
            Self::Plan => "/plan",
        }
    }

    const fn name(self, words: &Words) -> &'static str {
        match self {
            Self::Overview => words.overview,
            Self::Events => words.events,
            Self::Machine => words.machine,
            Self::Listeners => words.listeners,
            Self::Plan => words.configuration,
        }
    }
}

/// Who looks, and how they want it to look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is about another part of the page")]
pub struct Look {
    /// The language.
    pub language: Language,
    /// Light or dark.
    pub theme: Theme,
    /// What each form must bring back to be believed.
    pub token: String,
    /// Who is logged in; `None` where nobody has to.
    pub user: Option<String>,
    /// What they may do, where they had to log in.
    pub role: Option<Role>,
    /// Whether there is a session to be ended.
    pub can_log_out: bool,
    /// Whether they may start and stop programs.
    pub may_act: bool,
    /// Whether they may change what is to run at all.
    pub may_update: bool,
    /// The address of the page, to come back to.
    pub here: String,
    /// The `identifier` of the configuration.
    pub identifier: String,
    /// The version of the program.
    pub version: String,
    /// Whether what was is kept, so that a page can show it.
    pub has_history: bool,
    /// What came of what was done last, and whether it was good.
    pub told: Option<(bool, String)>,
}

impl Look {
    /// The words of its language.
    pub fn words(&self) -> &'static Words {
        words::words(self.language)
    }
}

/// A whole document around what `body` writes.
pub(crate) fn document(
    look: &Look,
    title: &str,
    place: Option<Place>,
    kind: &str,
    body: impl FnOnce(&mut String),
) -> String {
    let mut out = String::with_capacity(8 << 10);
    head(&mut out, look, title, kind);
    header(&mut out, look, place);
    out.push_str("<main id=\"main\" tabindex=\"-1\">\n");
    tell(&mut out, look);
    body(&mut out);
    out.push_str("</main>\n");
    footer(&mut out, look);
    out.push_str("</body>\n</html>\n");
    out
}

pub(crate) fn head(out: &mut String, look: &Look, title: &str, kind: &str) {
    out.extend(["<!DOCTYPE html>\n<html lang=\"", look.language.tag(), "\""]);
    if look.theme != Theme::System {
        push_attribute(out, "data-theme", look.theme.as_str());
    }
    out.push_str(">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    push_text(out, title);
    out.push_str(" · ");
    push_text(out, &look.identifier);
    out.push_str(
        "</title>\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"",
    );
    out.push_str(match look.theme {
        Theme::System => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    });
    out.extend([
        "\">\n<link rel=\"icon\" href=\"",
        assets::path("menshen.svg"),
        "\" type=\"image/svg+xml\">\n",
    ]);
    out.extend(["<link rel=\"stylesheet\" href=\"", assets::path("console.css"), "\">\n"]);
    out.extend(["<script src=\"", assets::path("console.js"), "\" defer></script>\n</head>\n<body"]);
    push_attribute(out, "data-page", kind);
    push_attribute(out, "data-token", &look.token);
    if look.may_act {
        push_attribute(out, "data-acts", "yes");
    }
    if look.has_history {
        push_attribute(out, "data-history", "yes");
    }
    out.push_str(">\n");
}

fn header(out: &mut String, look: &Look, place: Option<Place>) {
    let words = look.words();
    out.extend(["<a class=\"skip\" href=\"#main\">", words.skip, "</a>\n<header class=\"top\">\n"]);
    out.extend([
        "<a class=\"brand\" href=\"/\"><img src=\"",
        assets::path("menshen.svg"),
        "\" alt=\"\" width=\"26\" height=\"26\"><span>",
    ]);
    push_text(out, &look.identifier);
    out.push_str("</span></a>\n<nav aria-label=\"Menshen\">");
    for it in Place::ALL {
        out.extend(["<a href=\"", it.path(), "\""]);
        if place == Some(it) {
            out.push_str(" aria-current=\"page\"");
        }
        out.extend([">", it.name(words), "</a>"]);
    }
    out.extend(["</nav>\n<span class=\"live\" id=\"live\" role=\"status\" hidden>", words.live, "</span>\n"]);
    display(out, look);
    out.push_str("</header>\n");
}

/// Language, appearance and the way out, in a box that opens without a script.
fn display(out: &mut String, look: &Look) {
    let words = look.words();
    out.extend(["<details class=\"menu\"><summary>", words.display, "</summary>\n<div class=\"panel\">"]);
    out.push_str("<form method=\"get\" action=\"/look\">");
    hidden(out, "back", &look.here);
    choice(
        out,
        words.language,
        "language",
        Language::ALL.map(|it| (it.tag(), it.name(), it == look.language)),
    );
    choice(out, words.theme, "theme", Theme::ALL.map(|it| (it.as_str(), it.name(words), it == look.theme)));
    out.extend(["<button>", words.apply, "</button></form>\n"]);
    if let Some(user) = &look.user {
        out.push_str("<p class=\"quiet\">");
        push_element(out, "bdi", "user", user);
        if let Some(role) = look.role {
            out.extend([" · ", words.role(role)]);
        }
        out.push_str("</p>\n");
    }
    if look.can_log_out {
        out.push_str("<form method=\"post\" action=\"/logout\">");
        hidden(out, "token", &look.token);
        out.extend(["<button>", words.log_out, "</button></form>\n"]);
    }
    out.push_str("</div></details>\n");
}

/// A labelled choice of several.
pub(crate) fn choice<'a>(
    out: &mut String,
    label: &str,
    name: &str,
    options: impl IntoIterator<Item = (&'a str, &'a str, bool)>,
) {
    out.push_str("<label><span>");
    push_text(out, label);
    out.push_str("</span><select");
    push_attribute(out, "name", name);
    out.push('>');
    for (value, shown, is_chosen) in options {
        out.push_str("<option");
        push_attribute(out, "value", value);
        out.push_str(if is_chosen { " selected>" } else { ">" });
        push_text(out, shown);
        out.push_str("</option>");
    }
    out.push_str("</select></label>");
}

/// A field of a form that is not shown.
pub(crate) fn hidden(out: &mut String, name: &str, value: &str) {
    out.push_str("<input type=\"hidden\"");
    push_attribute(out, "name", name);
    push_attribute(out, "value", value);
    out.push('>');
}

/// What came of what was done last.
fn tell(out: &mut String, look: &Look) {
    out.push_str("<div id=\"told\" class=\"told\" role=\"status\">");
    if let Some((is_good, text)) = &look.told {
        push_element(out, "p", if *is_good { "good" } else { "bad" }, text);
    }
    out.push_str("</div>\n");
}

/// A place with nothing in it, which says so and what to do about it.
pub(crate) fn empty(out: &mut String, what: &str, how: &str) {
    out.push_str("<div class=\"empty\">");
    push_element(out, "p", "", what);
    push_element(out, "small", "", how);
    out.push_str("</div>\n");
}

fn footer(out: &mut String, look: &Look) {
    out.push_str("<footer><span>Menshen 门神 ");
    push_text(out, &look.version);
    out.push_str("</span></footer>\n");
}

/// A page that says one thing.
pub fn notice(look: &Look, title: &str, text: &str) -> String {
    document(look, title, None, "notice", |out| empty(out, title, text))
}
