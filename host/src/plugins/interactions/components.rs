//! Whether somebody may do with a component what they say: it must stand there, and take what is chosen.

use crate::error::{Error, FieldCode, Result};
use crate::http::body::Faults;
use crate::plugins::blocks::{Button, Node, Select};

/// What can be used below a message.
enum Component<'a> {
    Button(&'a Button),
    Select(&'a Select),
}

/// Whether there is anything in these blocks that can be used.
pub fn are_in(blocks: &Node) -> bool {
    let usable = |node: &Node| match node {
        Node::Button(button) => button.url.is_none().then_some(()),
        Node::Select(_) => Some(()),
        _ => None,
    };
    blocks.find(&usable).is_some()
}

/// Refuses what doesn't stand in these blocks, what is switched off, and choices that there aren't.
pub fn check(blocks: Option<&Node>, id: &str, values: &[String]) -> Result<()> {
    let look = |node: &'_ Node| matches!(node, Node::Button(button) if button.id == id && button.url.is_none());
    let found = blocks.and_then(|blocks| {
        blocks.find(&|node| match node {
            Node::Button(button) if look(node) => Some(Component::Button(button)),
            Node::Select(select) if select.id == id => Some(Component::Select(select)),
            _ => None,
        })
    });
    let mut faults = Faults::default();
    match found {
        None => return Err(Error::field("/id", FieldCode::UnknownReference)),
        Some(Component::Button(button)) => {
            if button.disabled {
                faults.note("/id", FieldCode::NotAllowed);
            }
            if !values.is_empty() {
                faults.note("/values", FieldCode::NotAllowed);
            }
        }
        Some(Component::Select(select)) => check_choice(select, values, &mut faults),
    }
    faults.into_result()
}

fn check_choice(select: &Select, values: &[String], faults: &mut Faults) {
    if values.len() < usize::from(select.min) {
        faults.note_with("/values", FieldCode::TooShort, vec![("min", select.min.to_string())]);
    }
    faults.items("/values", values.len(), usize::from(select.max));
    for (at, value) in values.iter().enumerate() {
        if !select.choices.iter().any(|choice| choice.value == *value) {
            faults.note(&format!("/values/{at}"), FieldCode::UnknownReference);
        } else if values[..at].contains(value) {
            faults.note(&format!("/values/{at}"), FieldCode::NotAllowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::blocks::{ButtonStyle, Choice};

    fn blocks() -> Node {
        let button = |id: &str, url: Option<&str>, disabled| {
            let (label, url) = (String::new(), url.map(str::to_owned));
            Node::Button(Button { id: id.into(), label, style: ButtonStyle::Secondary, emoji: None, url, disabled })
        };
        let choice = |value: &str| Choice { value: value.into(), label: String::new(), description: None };
        let choices = vec![choice("a"), choice("b"), choice("c")];
        let select = Node::Select(Select { id: "list".into(), placeholder: String::new(), choices, min: 1, max: 2 });
        let row = vec![button("yes", None, false), button("off", None, true), button("link", Some("https://x"), false)];
        Node::Container { children: vec![Node::Row { children: row }, select] }
    }

    fn faults(id: &str, values: &[&str]) -> Vec<(String, FieldCode)> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        match check(Some(&blocks()), id, &values) {
            Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect(),
            other => {
                assert!(other.is_ok());
                Vec::new()
            }
        }
    }

    #[test]
    fn only_what_stands_there_can_be_used() {
        let one = |pointer: &str, code| vec![(pointer.to_owned(), code)];
        assert_eq!(faults("yes", &[]), []);
        assert_eq!(faults("yes", &["a"]), one("/values", FieldCode::NotAllowed));
        assert_eq!(faults("no", &[]), one("/id", FieldCode::UnknownReference));
        assert_eq!(faults("link", &[]), one("/id", FieldCode::UnknownReference));
        assert_eq!(faults("off", &[]), one("/id", FieldCode::NotAllowed));
        assert!(check(None, "yes", &[]).is_err());
    }

    #[test]
    fn lists_take_what_they_offer() {
        assert_eq!(faults("list", &["b", "c"]), []);
        assert_eq!(faults("list", &[]), [("/values".to_owned(), FieldCode::TooShort)]);
        let wrong = [("/values".to_owned(), FieldCode::TooLong), ("/values/2".to_owned(), FieldCode::UnknownReference)];
        assert_eq!(faults("list", &["a", "b", "x"]), wrong);
        assert_eq!(faults("list", &["a", "a"]), [("/values/1".to_owned(), FieldCode::NotAllowed)]);
    }
}
