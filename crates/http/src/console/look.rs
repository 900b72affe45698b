//! How a reader wants the pages to look, as their browser remembers it.

use hyper::header::{ACCEPT_LANGUAGE, COOKIE, HeaderName, HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use model::language::Language;
use model::role::Role;
use web::frame::{Look, Theme};

use super::form::{cookie, field, fields};
use super::redirect;
use crate::reply::Reply;
use crate::visit::Visit;

/// The cookies of ours. None of them lets anybody in.
const LANGUAGE: &str = "menshen_language";
const THEME: &str = "menshen_theme";
const TOLD: &str = "menshen_told";

/// A year; a browser that was away longer starts anew.
const KEPT: &str = "Path=/; SameSite=Strict; HttpOnly; Max-Age=31536000";

/// The look of a page for who sent this request.
pub(super) fn of(visit: &Visit, parts: &Parts) -> Look {
    Look {
        token: visit.form_token(),
        user: visit.user().map(str::to_owned),
        role: visit.porter.asks().then_some(visit.asker.role),
        can_log_out: visit.session.is_some(),
        may_act: visit.asker.role >= Role::Operator,
        may_update: visit.asker.role >= Role::Admin,
        ..of_stranger(parts)
    }
}

/// The look of a page for who has not said who they are.
pub(super) fn of_stranger(parts: &Parts) -> Look {
    let cookies = header(parts, COOKIE);
    let language = cookie(cookies, LANGUAGE).and_then(|it| Language::of_tag(&it));
    let here = parts.uri.path_and_query().map_or("/", |it| it.as_str());
    Look {
        language: language.unwrap_or_else(|| Language::accepted(header(parts, ACCEPT_LANGUAGE))),
        theme: cookie(cookies, THEME).and_then(|it| Theme::of_word(&it)).unwrap_or_default(),
        here: here.to_owned(),
        told: cookie(cookies, TOLD).and_then(|it| {
            let (mark, text) = it.split_at_checked(1)?;
            Some((mark == "+", text.to_owned()))
        }),
        ..Look::default()
    }
}

pub(super) fn header(parts: &Parts, name: HeaderName) -> &str {
    parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// Remembers what was chosen, and goes back.
pub(super) fn choose(parts: &Parts) -> Reply {
    let fields = fields(parts.uri.query().unwrap_or_default());
    let mut reply = redirect(field(&fields, "back").unwrap_or("/"));
    if let Some(it) = field(&fields, "language").and_then(Language::of_tag) {
        reply = set(reply, LANGUAGE, it.tag(), KEPT);
    }
    if let Some(it) = field(&fields, "theme").and_then(Theme::of_word) {
        reply = set(reply, THEME, it.as_str(), KEPT);
    }
    reply
}

/// Has the next page say what came of something.
pub(super) fn tell(reply: Reply, is_good: bool, text: &str) -> Reply {
    let mark = if is_good { '+' } else { '-' };
    let told = web::html::escaped(&format!("{mark}{text}"));
    set(reply, TOLD, &told, "Path=/; SameSite=Strict; HttpOnly; Max-Age=30")
}

/// Has it not be said again.
pub(super) fn told(reply: Reply, look: &Look) -> Reply {
    if look.told.is_none() {
        return reply;
    }
    set(reply, TOLD, "", "Path=/; SameSite=Strict; HttpOnly; Max-Age=0")
}

fn set(reply: Reply, name: &str, value: &str, how: &str) -> Reply {
    reply.with_value(SET_COOKIE, HeaderValue::try_from(format!("{name}={value}; {how}")))
}
