//! The description of the JSON interface as an OpenAPI document, made from the tables.

use serde_json::{Map, Value, json};

use crate::audit::AUDIT;
use crate::facts::{ENDED, EXIT, GROUP, LISTENER, MACHINE, Member, PROCESS, SUPERVISOR, USAGE};
use crate::method::{self, Entry, Kind, Parameter};
use crate::options::OPTIONS;
use crate::past::{FIGURES, HAPPENING};
use crate::recent::RECENT;
use crate::rest::{ROOT, ROUTES, Route, STREAMS, Stream, Verb};

/// The structs that have a table of their members, and the methods that answer with them.
const SCHEMAS: [(&str, &[Member], &[&str]); 13] = [
    ("Audit", AUDIT, &["menshen.getAudit"]),
    ("Process", PROCESS, &["menshen.getProcess", "menshen.getProcesses"]),
    ("Happening", HAPPENING, &["menshen.getHistory"]),
    ("Figures", FIGURES, &["menshen.getFigures"]),
    ("Ended", ENDED, &[]),
    ("Exit", EXIT, &["menshen.getExits"]),
    ("Usage", USAGE, &[]),
    ("Options", OPTIONS, &["menshen.getProcessOptions"]),
    ("Group", GROUP, &["menshen.getGroups"]),
    ("Listener", LISTENER, &["menshen.getListeners"]),
    ("Machine", MACHINE, &["menshen.getMachine"]),
    ("Supervisor", SUPERVISOR, &["menshen.getSupervisor"]),
    ("Recent", RECENT, &["menshen.getRecent"]),
];

/// The whole document.
pub fn document() -> String {
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Menshen",
            "version": "1",
            "description": "Processes of one machine: how they are, and orders to them. Every path stands for a \
                method that can also be called by XML-RPC; any other method is at /methods/{method}.",
        },
        "servers": [{ "url": ROOT }],
        "paths": paths(),
        "components": { "schemas": schemas() },
    });
    format!("{document:#}\n")
}

fn paths() -> Value {
    let mut paths = Map::new();
    let mut add = |path: &str, verb: Verb, operation: Value| {
        let at = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        if let Value::Object(at) = at {
            at.insert(verb.as_str().to_lowercase(), operation);
        }
    };
    for route in &ROUTES {
        if let Some(entry) = method::find(route.method) {
            add(route.path, route.verb, operation(route, entry));
        }
    }
    for stream in &STREAMS {
        add(stream.path, Verb::Get, streaming(stream));
    }
    add("/methods/{method}", Verb::Post, any_method());
    Value::Object(paths)
}

fn operation(route: &Route, entry: &Entry) -> Value {
    let is_in_path = |name: &str| route.path.contains(&format!("{{{name}}}"));
    let optional_from = entry.params.len() - entry.optional;
    let is_optional = |at: usize, name: &str| at >= optional_from || matches!(name, "offset" | "length");
    let mut parameters = Vec::new();
    let mut members = Map::new();
    let mut required = Vec::new();
    for (at, parameter) in entry.params.iter().enumerate() {
        let (kind, name, help) = *parameter;
        if is_in_path(name) {
            parameters.push(json!({ "name": name, "in": "path", "required": true, "description": help,
                "schema": { "type": "string" } }));
        } else if route.verb == Verb::Get {
            parameters.push(in_query(parameter, !is_optional(at, name)));
        } else {
            members.insert(name.to_owned(), described(kind, help));
            required.extend((!is_optional(at, name)).then_some(name));
        }
    }
    let mut operation = json!({
        "operationId": format!("{}_{}", route.verb.as_str().to_lowercase(), entry.name.replace('.', "_")),
        "summary": entry.help,
        "description": format!("The method {}; for the role {} and those above it.", entry.name, entry.role),
        "parameters": parameters,
        "responses": { "200": { "description": entry.result.1, "content": { "application/json": {
            "schema": answer(entry) } } }, "default": error() },
    });
    if !members.is_empty()
        && let Value::Object(operation) = &mut operation
    {
        let mut schema = json!({ "type": "object", "properties": members, "additionalProperties": false });
        if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
            schema.insert("required".to_owned(), json!(required));
        }
        let body = json!({ "required": !required.is_empty(), "content": { "application/json": { "schema": schema } } });
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

fn streaming(stream: &Stream) -> Value {
    let captured = stream.path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<_> = captured
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(stream.params.iter().map(|it| in_query(it, false)));
    let kinds = stream.kinds.iter().map(|(kind, help)| format!("\n- `{kind}`: {help}"));
    let what = format!("{}{}", stream.help, kinds.collect::<String>());
    json!({
        "summary": stream.help,
        "description": format!("For the role {} and those above it.", stream.role),
        "parameters": parameters,
        "responses": { "200": { "description": what, "content": { stream.content: {} } }, "default": error() },
    })
}

fn any_method() -> Value {
    json!({
        "summary": "Calls any method of the XML-RPC interface by its name.",
        "parameters": [{ "name": "method", "in": "path", "required": true, "schema": { "type": "string",
            "enum": method::ENTRIES.iter().chain(&method::EXTENSIONS).map(|it| it.name).collect::<Vec<_>>() } }],
        "requestBody": { "required": false, "content": { "application/json": { "schema": {
            "type": ["array", "object"], "description": "The parameters, in order or by name." } } } },
        "responses": { "200": { "description": "The answer.", "content": { "application/json": {} } },
            "default": error() },
    })
}

fn in_query((kind, name, help): &Parameter, required: bool) -> Value {
    json!({ "name": name, "in": "query", "required": required, "description": help, "schema": plain(*kind) })
}

fn error() -> Value {
    json!({ "description": "Why there is no answer.", "content": { "application/json": {
        "schema": { "$ref": "#/components/schemas/Error" } } } })
}

/// The schema of what a method answers.
fn answer(entry: &Entry) -> Value {
    let named = SCHEMAS.iter().find(|(.., methods)| methods.contains(&entry.name));
    let reference = named.map(|(name, ..)| json!({ "$ref": format!("#/components/schemas/{name}") }));
    match (entry.result.0, reference) {
        (Kind::Array, Some(reference)) => json!({ "type": "array", "items": reference }),
        (_, Some(reference)) => reference,
        (kind, None) => described(kind, entry.result.1),
    }
}

fn schemas() -> Value {
    let mut schemas = Map::new();
    for (name, members, _) in SCHEMAS {
        let properties: Map<String, Value> = members.iter().map(property).collect();
        schemas.insert(name.to_owned(), json!({ "type": "object", "properties": properties }));
    }
    let error = json!({ "type": "object", "required": ["error", "message"], "properties": {
        "error": { "type": "string", "description": "A word for programs, for example BAD_NAME." },
        "message": { "type": "string", "description": "A sentence for people." },
        "code": { "type": "integer", "description": "The number of the fault in XML-RPC." } } });
    schemas.insert("Error".to_owned(), error);
    Value::Object(schemas)
}

fn property(&(name, kind, help): &Member) -> (String, Value) {
    let schema = match name {
        "ended" => json!({ "$ref": "#/components/schemas/Ended" }),
        "usage" => json!({ "$ref": "#/components/schemas/Usage" }),
        _ => described(kind, help),
    };
    (name.to_owned(), schema)
}

fn described(kind: Kind, help: &str) -> Value {
    let mut schema = plain(kind);
    if let Value::Object(members) = &mut schema {
        members.insert("description".to_owned(), json!(help));
    }
    schema
}

fn plain(kind: Kind) -> Value {
    match kind {
        Kind::Array => json!({ "type": "array" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Double => json!({ "type": "number" }),
        Kind::Int => json!({ "type": "integer" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Struct => json!({ "type": "object" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_and_every_struct_is_described() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        for route in &ROUTES {
            let at = &document["paths"][route.path][route.verb.as_str().to_lowercase()];
            assert!(at["summary"].is_string(), "{}", route.path);
        }
        for (name, members, methods) in SCHEMAS {
            let schema = &document["components"]["schemas"][name]["properties"];
            assert_eq!(schema.as_object().unwrap().len(), members.len(), "{name}");
            assert!(methods.iter().all(|it| method::find(it).is_some()), "{name}");
        }
    }
}
