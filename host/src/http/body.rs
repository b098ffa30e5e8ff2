//! JSON bodies: read strictly, with every fault reported at once, each with a JSON pointer.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::app::App;
use crate::error::{Code, Error, FieldCode, FieldFault, Result};

/// How often a body with faults is read again to find the next one: more would be work for an attacker.
const MAX_ATTEMPTS: usize = 64;

/// What a request asks for can be looked at before it is done.
pub trait Validate {
    /// Notes every field that is not acceptable.
    fn check(&self, faults: &mut Faults);
}

/// The fields of a request that are not acceptable.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldFault>);

impl Faults {
    /// Notes a fault.
    pub fn note(&mut self, pointer: &str, code: FieldCode) {
        self.note_with(pointer, code, Vec::new());
    }
    /// Notes a fault, with values that its message names.
    pub fn note_with(&mut self, pointer: &str, code: FieldCode, args: Vec<(&'static str, String)>) {
        if !self.0.iter().any(|fault| fault.pointer == pointer) {
            self.0.push(FieldFault { pointer: pointer.to_owned(), code, args });
        }
    }
    /// Notes a text with fewer or more characters than allowed.
    pub fn length(&mut self, pointer: &str, text: &str, min: usize, max: usize) {
        // Bodies don't hold it, but plugins may say it; PostgreSQL can't store it.
        if text.contains('\0') {
            return self.note(pointer, FieldCode::InvalidFormat);
        }
        let count = text.chars().count();
        if count < min {
            self.note_with(pointer, FieldCode::TooShort, vec![("min", min.to_string())]);
        } else if count > max {
            self.note_with(pointer, FieldCode::TooLong, vec![("max", max.to_string())]);
        }
    }
    /// Notes a list with more items than allowed.
    pub fn items(&mut self, pointer: &str, count: usize, max: usize) {
        if count > max {
            self.note_with(pointer, FieldCode::TooLong, vec![("max", max.to_string())]);
        }
    }
    /// Notes a number outside of what is allowed.
    pub fn range(&mut self, pointer: &str, number: i64, min: i64, max: i64) {
        if !(min..=max).contains(&number) {
            let args = vec![("min", min.to_string()), ("max", max.to_string())];
            self.note_with(pointer, FieldCode::OutOfRange, args);
        }
    }
    /// A refusal, if anything was noted.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

/// A request's JSON body, read and looked at.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + Validate> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        if !is_json(&request) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let bytes = limited(request.into_body(), app.config.limits.body_bytes).await?;
        parse(&bytes).map(Body)
    }
}

/// A request's JSON body that may be left out altogether.
pub struct OptionalBody<T>(pub Option<T>);

impl<T: DeserializeOwned + Validate> FromRequest<App> for OptionalBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let is_json = is_json(&request);
        let bytes = limited(request.into_body(), app.config.limits.body_bytes).await?;
        match bytes.is_empty() {
            true => Ok(OptionalBody(None)),
            false if is_json => parse(&bytes).map(|body| OptionalBody(Some(body))),
            false => Err(Code::UnsupportedMediaType.into()),
        }
    }
}

fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

/// A whole body, up to `limit` bytes.
pub(crate) async fn limited(body: axum::body::Body, limit: usize) -> Result<Bytes> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        use std::error::Error as _;
        let too_large = error.source().is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if too_large { Code::BodyTooLarge.into() } else { Error::from(Code::MalformedBody) }
    })
}

/// Reads and looks at JSON from outside, whichever door it came through.
pub fn parse<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<T> {
    // PostgreSQL can't store U+0000 in text, and no text needs it. In JSON it can only stand escaped.
    if contains(bytes, b"\\u0000") {
        return Err(Code::MalformedBody.into());
    }
    // A list would be read as the fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        serde_json::from_slice::<Value>(bytes).map_err(|_| Code::MalformedBody)?;
        return Err(Error::field("", FieldCode::WrongType));
    }
    let read: T = match serde_json::from_slice(bytes) {
        Ok(read) => read,
        Err(error) if error.is_data() => return Err(Error::Invalid(every_fault::<T>(bytes)?)),
        Err(_) => return Err(Code::MalformedBody.into()),
    };
    let mut faults = Faults::default();
    read.check(&mut faults);
    faults.into_result()?;
    Ok(read)
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Finds every fault of form in a body: each one found is mended in a copy, and the copy read again.
fn every_fault<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<Vec<FieldFault>> {
    let mut copy: Value = serde_json::from_slice(bytes).map_err(|_| Code::MalformedBody)?;
    let mut faults = Faults::default();
    for _ in 0..MAX_ATTEMPTS {
        match serde_path_to_error::deserialize::<_, T>(&copy) {
            Ok(read) => {
                read.check(&mut faults);
                break;
            }
            Err(error) => {
                let pointer = pointer(error.path());
                let mended = mend(&mut copy, &pointer, &error.inner().to_string(), &mut faults);
                if !mended {
                    break;
                }
            }
        }
    }
    if faults.0.is_empty() {
        faults.note("", FieldCode::WrongType);
    }
    Ok(faults.0)
}

/// Notes the fault that a message tells of, and changes the copy so that reading gets past it.
fn mend(copy: &mut Value, pointer: &str, message: &str, faults: &mut Faults) -> bool {
    if let Some(field) = quoted(message, "missing field `") {
        let pointer = format!("{pointer}/{field}");
        faults.note(&pointer, FieldCode::Required);
        return put_stand_in(copy, &pointer);
    }
    if let Some(field) = quoted(message, "unknown field `") {
        let pointer =
            if pointer.ends_with(&format!("/{field}")) { pointer.to_owned() } else { format!("{pointer}/{field}") };
        faults.note(&pointer, FieldCode::UnknownField);
        return remove(copy, &pointer);
    }
    if copy.pointer(pointer).is_some_and(|value| value.is_object()) && pointer.is_empty() {
        return false;
    }
    let code = if message.starts_with("invalid type") { FieldCode::WrongType } else { FieldCode::InvalidFormat };
    faults.note(pointer, code);
    put_stand_in(copy, pointer)
}

fn quoted<'m>(message: &'m str, before: &str) -> Option<&'m str> {
    message.strip_prefix(before)?.split('`').next()
}

/// Values to try, one after another, where a field is missing or wrong: one of them will be read.
fn put_stand_in(copy: &mut Value, pointer: &str) -> bool {
    let stand_ins =
        [Value::Null, Value::from(""), Value::from("1"), Value::from(0), Value::from(false), Value::Array(vec![])];
    let (parent, field) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let Some(parent) = copy.pointer_mut(parent) else { return false };
    let place = match parent {
        Value::Object(fields) => fields.entry(field).or_insert(Value::Object(Default::default())),
        Value::Array(items) => match field.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
            Some(item) => item,
            None => return false,
        },
        _ => return false,
    };
    let tried = stand_ins.iter().position(|stand_in| stand_in == place);
    match stand_ins.get(tried.map_or(0, |tried| tried + 1)) {
        Some(next) => *place = next.clone(),
        None => return false,
    }
    true
}

fn remove(copy: &mut Value, pointer: &str) -> bool {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let fields = copy.pointer_mut(parent).and_then(Value::as_object_mut);
    fields.is_some_and(|fields| fields.remove(field).is_some())
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{key}"),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// Reads a field that may be `null`: `None` if it isn't there, `Some(None)` if it is `null`, which
/// clears what it names. For `#[serde(default, deserialize_with = "present")]`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        name: String,
        count: i64,
        #[serde(default)]
        tags: Vec<String>,
    }
    impl Validate for Asked {
        fn check(&self, faults: &mut Faults) {
            faults.length("/name", &self.name, 2, 5);
            faults.range("/count", self.count, 1, 9);
            faults.items("/tags", self.tags.len(), 3);
        }
    }

    fn faults(body: &str) -> Vec<(String, FieldCode)> {
        match parse::<Asked>(body.as_bytes()) {
            Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let found = faults(r#"{"name": 7, "nmae": "x", "tags": ["a", 2], "what": {}}"#);
        for expected in [
            ("/name", FieldCode::WrongType),
            ("/nmae", FieldCode::UnknownField),
            ("/what", FieldCode::UnknownField),
            ("/tags/1", FieldCode::WrongType),
            ("/count", FieldCode::Required),
        ] {
            assert!(found.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {found:?}");
        }
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn what_is_well_formed_is_looked_at() {
        assert_eq!(
            faults(r#"{"name": "a", "count": 10}"#),
            [("/name".to_owned(), FieldCode::TooShort), ("/count".to_owned(), FieldCode::OutOfRange)]
        );
    }

    #[test]
    fn a_list_is_no_object() {
        for body in [r#"["ada", 3]"#, r#" ["ada", 3, []]"#] {
            assert_eq!(faults(body), [(String::new(), FieldCode::WrongType)]);
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for body in ["", "{", "{\"name\": \"a\\u0000b\", \"count\": 1}", "\u{feff}{}"] {
            let error = parse::<Asked>(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::MalformedBody, "{body:?}");
        }
    }
}
