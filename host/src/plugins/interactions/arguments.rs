//! What somebody gives a command, checked by what its manifest asks for.

use serde_json::{Map, Value};

use crate::app::App;
use crate::channels::{self, Access};
use crate::error::{Error, FieldCode, Result};
use crate::http::body::Faults;
use crate::id::{ChannelId, RoleId, UserId};
use crate::plugins::contract::interactions::Arg;
use crate::plugins::manifest::commands::{CommandOption, OptionKind};

/// The longest text, in characters.
const MAX_TEXT: usize = 4_000;

/// Where a name stands below a place of the request. Names that nobody knows may be anything.
pub fn pointer(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The arguments of a command, in the order of its options. Of one that is still being typed nothing is missing
/// yet, and `focused` may be anything so far.
pub async fn read(
    app: &App,
    access: &Access,
    options: &[CommandOption],
    given: &Map<String, Value>,
    focused: Option<&str>,
) -> Result<Vec<(String, Arg)>> {
    let mut faults = Faults::default();
    for name in given.keys().filter(|name| !options.iter().any(|option| option.name == **name)) {
        faults.note(&pointer("/args", name), FieldCode::UnknownField);
    }
    if let Some(focused) = focused
        && !options.iter().any(|option| option.name == focused && option.autocomplete)
    {
        faults.note("/focused", FieldCode::UnknownReference);
    }
    let mut args = Vec::new();
    for option in options {
        let place = pointer("/args", &option.name);
        let typing = focused == Some(option.name.as_str());
        match given.get(&option.name) {
            None | Some(Value::Null) if option.required && focused.is_none() => {
                faults.note(&place, FieldCode::Required)
            }
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if typing => {
                faults.length(&place, text, 0, MAX_TEXT);
                args.push((option.name.clone(), Arg::Text(text.clone())));
            }
            Some(value) => match one(app, access, option, value).await? {
                Ok(arg) => args.push((option.name.clone(), arg)),
                Err(FieldCode::TooLong) => {
                    faults.note_with(&place, FieldCode::TooLong, vec![("max", MAX_TEXT.to_string())]);
                }
                Err(code) => faults.note(&place, code),
            },
        }
    }
    faults.into_result()?;
    Ok(args)
}

async fn one(
    app: &App,
    access: &Access,
    option: &CommandOption,
    value: &Value,
) -> Result<std::result::Result<Arg, FieldCode>> {
    let arg = match option.kind {
        OptionKind::Text => value.as_str().map(|text| Arg::Text(text.to_owned())),
        OptionKind::Int => value.as_i64().map(Arg::Int),
        OptionKind::Float => value.as_f64().filter(|float| float.is_finite()).map(Arg::Float),
        OptionKind::Flag => value.as_bool().map(Arg::Flag),
        OptionKind::User | OptionKind::Channel | OptionKind::Role => {
            return match value.as_str() {
                Some(id) => reference(app, access, option.kind, id).await,
                None => Ok(Err(FieldCode::WrongType)),
            };
        }
    };
    Ok(match arg {
        None => Err(FieldCode::WrongType),
        Some(Arg::Text(text)) if text.chars().count() > MAX_TEXT => Err(FieldCode::TooLong),
        Some(arg) if option.choices.is_empty() || option.choices.iter().any(|choice| is_same(choice, &arg)) => Ok(arg),
        Some(_) => Err(FieldCode::UnknownReference),
    })
}

fn is_same(choice: &Value, arg: &Arg) -> bool {
    match arg {
        Arg::Text(text) => choice.as_str() == Some(text),
        Arg::Int(int) => choice.as_i64() == Some(*int),
        Arg::Float(float) => choice.as_f64() == Some(*float),
        _ => false,
    }
}

/// Somebody or something of the guild: a member, a channel that the caller sees, or a role.
async fn reference(
    app: &App,
    access: &Access,
    kind: OptionKind,
    id: &str,
) -> Result<std::result::Result<Arg, FieldCode>> {
    let Ok(number) = id.parse::<i64>() else { return Ok(Err(FieldCode::InvalidFormat)) };
    let Some(membership) = access.membership() else { return Err(Error::field("/channel_id", FieldCode::NotAllowed)) };
    let there = match kind {
        OptionKind::User => channels::membership_of(app, membership.id(), UserId(number)).await?.is_some(),
        OptionKind::Channel => membership.access(ChannelId(number)).is_ok(),
        _ => membership.guild.roles.contains_key(&RoleId(number)),
    };
    let arg = match kind {
        OptionKind::User => Arg::User(number as u64),
        OptionKind::Channel => Arg::Channel(number as u64),
        _ => Arg::Role(number as u64),
    };
    Ok(if there { Ok(arg) } else { Err(FieldCode::UnknownReference) })
}
