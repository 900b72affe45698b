//! Fields as browsers send them, in addresses and in bodies (the URL standard, 5.1), and cookies.

/// The fields of a query or of a body, in their order.
pub(super) fn fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|it| !it.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// The first field of this name.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

fn decoded(text: &str) -> String {
    crate::routes::decoded(&text.replace('+', " "))
}

/// The value of a cookie (RFC 6265, 4.2), decoded as our own are encoded.
pub(crate) fn cookie(header: &str, name: &str) -> Option<String> {
    let pairs = header.split(';').filter_map(|it| it.trim().split_once('='));
    pairs.into_iter().find(|(it, _)| *it == name).map(|(_, value)| crate::routes::decoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let all = fields("a=1&selected=g%3Ab+c&selected=%e4%bd%a0&empty&=x&&a=2");
        let wanted =
            [("a", "1"), ("selected", "g:b c"), ("selected", "你"), ("empty", ""), ("", "x"), ("a", "2")];
        assert_eq!(all, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(field(&all, "a"), Some("1"));
        assert_eq!(field(&all, "none"), None);
    }

    #[test]
    fn a_cookie_comes_back_as_it_was_set() {
        let text = "a; b=\"ü\"";
        let header = format!("x=1; told={}; y=2", web::html::escaped(text));
        assert_eq!(cookie(&header, "told").as_deref(), Some(text));
        assert_eq!(cookie(&header, "ol"), None);
    }
}
