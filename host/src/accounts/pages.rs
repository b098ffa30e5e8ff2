//! The few pages that work without a client: what a printed link or a letter's link opens.

use super::one_time::Purpose;
use crate::i18n;

pub mod routes;

/// A field of a form.
struct Field {
    /// Its name in the JSON that is posted.
    name: &'static str,
    /// The message that labels it.
    label: &'static str,
    /// What browsers know it as: its type, and what to fill in.
    kind: (&'static str, &'static str),
}

/// A page with one form, which posts JSON to one route.
struct Page {
    /// The words that its messages begin with.
    messages: &'static str,
    /// The route, below the API's base.
    action: &'static str,
    /// What is asked for beside the token.
    fields: &'static [Field],
}

static SETUP: Page = Page {
    messages: "setup",
    action: "/auth/setup",
    fields: &[
        Field { name: "username", label: "setup-username", kind: ("text", "username") },
        Field { name: "email", label: "setup-email", kind: ("email", "email") },
        Field { name: "password", label: "setup-password", kind: ("password", "new-password") },
    ],
};
static RESET: Page = Page {
    messages: "reset",
    action: "/auth/password-reset",
    fields: &[Field { name: "new_password", label: "reset-password", kind: ("password", "new-password") }],
};
static VERIFY: Page = Page { messages: "verify", action: "/auth/verify-email", fields: &[] };

/// The page on which a token of this purpose is used.
fn page(purpose: Purpose) -> Option<&'static Page> {
    match purpose {
        Purpose::FirstAdministrator => Some(&SETUP),
        Purpose::PasswordReset => Some(&RESET),
        Purpose::VerifyEmail => Some(&VERIFY),
        Purpose::Registration => None,
    }
}

impl Page {
    /// The page in this language. Its style and its script bear `nonce`, and nothing else of it may run.
    fn html(&self, locale: &str, base: &str, token: &str, nonce: &str) -> String {
        let say = |name: &str| escape(&i18n::title(locale, name));
        let part = |part: &str| say(&format!("{}-{part}", self.messages));
        let fields: Vec<String> = self.fields.iter().map(|field| field.html(&say(field.label))).collect();
        let parts = [
            ("{{locale}}", escape(locale)),
            ("{{title}}", part("title")),
            ("{{intro}}", part("intro")),
            ("{{submit}}", part("submit")),
            ("{{done}}", part("done")),
            ("{{action}}", format!("{base}{}", self.action)),
            ("{{token}}", escape(token)),
            ("{{nonce}}", escape(nonce)),
            ("{{fields}}", fields.join("\n")),
            ("{{style}}", include_str!("pages/form.css").trim_end().to_owned()),
            ("{{script}}", include_str!("pages/form.js").trim_end().to_owned()),
        ];
        let template = include_str!("pages/form.html").to_owned();
        parts.into_iter().fold(template, |page, (place, text)| page.replace(place, &text))
    }
}

impl Field {
    fn html(&self, label: &str) -> String {
        let (name, (kind, fill)) = (self.name, self.kind);
        format!(
            "<label for=\"{name}\">{label}</label>\n\
             <input id=\"{name}\" name=\"{name}\" type=\"{kind}\" autocomplete=\"{fill}\" required>\n\
             <p class=\"fault\" data-fault=\"{name}\" role=\"alert\"></p>"
        )
    }
}

/// Text as it may stand in HTML, also inside quoted attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
