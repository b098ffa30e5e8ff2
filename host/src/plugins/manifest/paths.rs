//! Routes of plugins: their paths, and where each finds the guild that it is about.

use serde::Deserialize;

use super::Notes;
use super::id::is_name;
use crate::closed_set;

/// Segments of a path, at most.
const MAX_SEGMENTS: usize = 8;
/// The longest name of a field or parameter.
const MAX_NAME: usize = 32;

closed_set! {
    /// What one may do with a route.
    pub enum Method {
        /// Read.
        Get = "GET",
        /// Make.
        Post = "POST",
        /// Put in place.
        Put = "PUT",
        /// Change.
        Patch = "PATCH",
        /// Remove.
        Delete = "DELETE",
    }
}

/// `[[routes]]`: an HTTP route.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Route {
    /// What the plugin calls it.
    pub name: String,
    /// What one does there.
    pub method: Method,
    /// Where it is.
    pub path: RoutePath,
    /// Where the server finds its guild.
    pub guild: GuildSource,
    /// Whether it can be asked for every guild of the caller at once.
    #[serde(default)]
    pub collection: bool,
}

/// Where the server finds the guild that a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum GuildSource {
    /// In this field of the JSON body.
    Body(String),
    /// In this parameter of the query.
    Query(String),
    /// It is the guild of the resource whose id is this parameter of the path.
    Resource(String),
}

impl GuildSource {
    /// The kind of resource, if it is one: the parameter's name without `_id`.
    pub fn resource_kind(&self) -> Option<&str> {
        match self {
            GuildSource::Resource(parameter) => parameter.strip_suffix("_id"),
            GuildSource::Body(_) | GuildSource::Query(_) => None,
        }
    }
}

impl TryFrom<String> for GuildSource {
    type Error = String;

    fn try_from(text: String) -> Result<GuildSource, String> {
        let (place, name) = text.split_once(':').unwrap_or_default();
        if !is_field(name) {
            return Err("`body:guild_id`, `query:guild_id` or `resource:thing_id` is wanted".to_owned());
        }
        match place {
            "body" => Ok(GuildSource::Body(name.to_owned())),
            "query" => Ok(GuildSource::Query(name.to_owned())),
            "resource" if name.strip_suffix("_id").is_some_and(|kind| !kind.is_empty()) => {
                Ok(GuildSource::Resource(name.to_owned()))
            }
            "resource" => Err("a resource's parameter ends in `_id`".to_owned()),
            other => Err(format!("a guild is in `body`, `query` or `resource`, not in `{other}`")),
        }
    }
}

/// A path such as `/polls/{poll_id}/vote`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RoutePath {
    /// As it is written.
    pub text: String,
    /// What stands between its slashes.
    pub segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This word.
    Word(String),
    /// Anything, which is called this.
    Parameter(String),
}

impl TryFrom<String> for RoutePath {
    type Error = String;

    fn try_from(text: String) -> Result<RoutePath, String> {
        let inner = text.strip_prefix('/').ok_or("a path begins with `/`")?;
        let segments: Vec<Segment> = inner.split('/').map(segment).collect::<Result<_, _>>()?;
        if segments.len() > MAX_SEGMENTS {
            return Err(format!("a path has at most {MAX_SEGMENTS} segments"));
        }
        let mut names: Vec<&str> = segments.iter().filter_map(Segment::parameter).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() < count {
            return Err("a parameter is there twice".to_owned());
        }
        Ok(RoutePath { segments, text })
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    if let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return match is_field(name) {
            true => Ok(Segment::Parameter(name.to_owned())),
            false => Err(format!("`{{{name}}}` is no parameter: 1 to {MAX_NAME} of a-z, 0-9 and _")),
        };
    }
    match !text.is_empty() && is_name(text) {
        true => Ok(Segment::Word(text.to_owned())),
        false => Err(format!("`{text}` is no segment: a-z, 0-9 and - are wanted, or a parameter")),
    }
}

fn is_field(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(known)
}

impl Segment {
    /// The name, if it is a parameter.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Segment::Parameter(name) => Some(name),
            Segment::Word(_) => None,
        }
    }
}

impl RoutePath {
    /// The names of its parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::parameter)
    }

    /// The values of its parameters, if this is a path of this form.
    pub fn read<'p>(&self, path: &'p str) -> Option<Vec<(&str, &'p str)>> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let mut found = Vec::new();
        for segment in &self.segments {
            let part = parts.next()?;
            match segment {
                Segment::Word(word) if word == part => {}
                Segment::Parameter(name) if !part.is_empty() => found.push((name.as_str(), part)),
                _ => return None,
            }
        }
        parts.next().is_none().then_some(found)
    }

    /// What two paths share that no request could tell apart.
    fn form(&self) -> String {
        let word = |segment: &Segment| match segment {
            Segment::Word(word) => word.clone(),
            Segment::Parameter(_) => "{}".to_owned(),
        };
        self.segments.iter().map(word).collect::<Vec<_>>().join("/")
    }
}

pub(super) fn check(routes: &[Route], notes: &mut Notes) {
    notes.unique("routes", routes.iter().map(|route| route.name.as_str()));
    notes.unique("routes", routes.iter().map(|route| format!("{} /{}", route.method, route.path.form())));
    for (at, route) in routes.iter().enumerate() {
        let place = format!("routes[{at}]");
        notes.name(format_args!("{place}.name"), &route.name, MAX_NAME);
        if route.collection && !(route.method == Method::Get && matches!(route.guild, GuildSource::Query(_))) {
            notes.note(format_args!("{place}.collection"), "only for GET with the guild in the query");
        }
        match &route.guild {
            GuildSource::Resource(name) if !route.path.parameters().any(|known| known == name) => {
                notes.note(format_args!("{place}.guild"), format_args!("the path has no `{{{name}}}`"));
            }
            GuildSource::Body(_) if route.method == Method::Get => {
                notes.note(format_args!("{place}.guild"), "GET has no body");
            }
            _ => {}
        }
    }
}
