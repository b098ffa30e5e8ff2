//! What a tree must be like, so that whoever draws it needn't look.

use super::{Button, Choice, Input, MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, Select};
use crate::plugins::contract::types::{self, UiKind};

/// The longest id, in characters.
pub const MAX_ID: usize = 100;
/// Nodes beside each other, at most.
const MAX_BESIDE: usize = 5;
/// Choices of one list, at most.
const MAX_CHOICES: usize = 25;
/// The longest address, in bytes.
const MAX_URL: usize = 2_000;
/// All of something, in thousandths.
const WHOLE: u32 = 1_000;

/// Where a tree is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Below a message's text.
    Message,
    /// In a form.
    Form,
}

/// What was found so far.
pub struct Checks {
    place: Place,
    pointer: String,
    faults: Vec<types::Fault>,
}

impl Checks {
    pub fn new(place: Place, pointer: String) -> Checks {
        Checks { place, pointer, faults: Vec::new() }
    }

    fn note(&mut self, place: &str, code: &str, args: &[(&str, usize)]) {
        let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        let pointer = format!("{}{place}", self.pointer);
        self.faults.push(types::Fault { pointer, code: code.to_owned(), args });
    }

    fn at_most(&mut self, place: &str, count: usize, max: usize) {
        if count > max {
            self.note(place, "TOO_LONG", &[("max", max)]);
        }
    }

    /// Whether a table is a tree, and neither too large nor too deep.
    pub fn shape(&mut self, ui: &types::Ui) -> bool {
        self.at_most("", ui.nodes.len(), MAX_NODES);
        match depth_of(ui) {
            None => self.note("", "INVALID_FORMAT", &[]),
            Some(depth) if depth > MAX_DEPTH => self.note("", "TOO_LONG", &[("max", MAX_DEPTH)]),
            Some(_) => return true,
        }
        false
    }

    /// One node, without its children.
    pub fn node(&mut self, at: usize, node: &types::UiNode) -> Node {
        let here = format!("/{at}");
        match node.kind {
            UiKind::Container => {}
            UiKind::Row => self.at_most(&format!("{here}/children"), node.children.len(), MAX_BESIDE),
            _ => self.at_most(&format!("{here}/children"), node.children.len(), 0),
        }
        match node.kind.clone() {
            UiKind::Container => Node::Container { children: Vec::new() },
            UiKind::Row => Node::Row { children: Vec::new() },
            UiKind::Text(text) => Node::Text { text },
            UiKind::Heading(text) => Node::Heading { text },
            UiKind::Image(source) => self.image(&here, source),
            UiKind::Divider => Node::Divider,
            UiKind::Button(button) => self.button(&here, button),
            UiKind::Select(select) => self.select(&here, select),
            UiKind::Input(input) => self.input(&here, input),
            UiKind::Field((name, value)) => Node::Field { name, value },
            UiKind::Progress((label, thousandths)) => {
                if thousandths > WHOLE {
                    self.note(&format!("{here}/progress"), "OUT_OF_RANGE", &[("min", 0), ("max", WHOLE as usize)]);
                }
                Node::Progress { label, thousandths }
            }
            UiKind::Custom((name, json)) => {
                let data = serde_json::from_str(&json).unwrap_or_else(|_| {
                    self.note(&format!("{here}/custom"), "INVALID_FORMAT", &[]);
                    serde_json::Value::Null
                });
                Node::Custom { name, data }
            }
        }
    }

    /// A picture from elsewhere would tell that place who looks at it.
    fn image(&mut self, here: &str, source: String) -> Node {
        let file = !source.is_empty() && source.bytes().all(|byte| byte.is_ascii_digit());
        let path = source.starts_with('/') && !source.starts_with("//") && !source.contains('\\');
        if !file && !path {
            self.note(&format!("{here}/image"), "INVALID_FORMAT", &[]);
        }
        Node::Image { source }
    }

    fn id(&mut self, here: &str, id: &str) {
        if id.is_empty() {
            self.note(&format!("{here}/id"), "TOO_SHORT", &[("min", 1)]);
        }
        self.at_most(&format!("{here}/id"), id.chars().count(), MAX_ID);
    }

    fn button(&mut self, here: &str, button: types::Button) -> Node {
        let types::Button { id, label, style, emoji, url, disabled } = button;
        let place = format!("{here}/url");
        match (&url, style) {
            // Nobody hears of it when a link is followed: it needs no id.
            (Some(url), types::Style::Link) if is_address(url) => self.at_most(&place, url.len(), MAX_URL),
            (Some(_), types::Style::Link) => self.note(&place, "INVALID_FORMAT", &[]),
            (None, types::Style::Link) => self.note(&place, "REQUIRED", &[]),
            (Some(_), _) => self.note(&place, "NOT_ALLOWED", &[]),
            (None, _) => self.id(here, &id),
        }
        Node::Button(Button { id, label, style: style.into(), emoji, url, disabled })
    }

    fn select(&mut self, here: &str, select: types::Select) -> Node {
        let types::Select { id, placeholder, choices, min, max } = select;
        self.id(here, &id);
        self.at_most(&format!("{here}/choices"), choices.len(), MAX_CHOICES);
        if min > max {
            self.note(&format!("{here}/min"), "OUT_OF_RANGE", &[("min", 0), ("max", usize::from(max))]);
        }
        let choices = choices.into_iter().map(Choice::from).collect();
        Node::Select(Select { id, placeholder, choices, min, max })
    }

    fn input(&mut self, here: &str, input: types::Input) -> Node {
        let types::Input { id, label, multiline, required, value, max_length } = input;
        self.id(here, &id);
        if self.place != Place::Form {
            self.note(&format!("{here}/kind"), "NOT_ALLOWED", &[]);
        }
        Node::Input(Input { id, label, multiline, required, value, max_length })
    }

    /// The tree, if nothing is wrong with it.
    pub fn finish(mut self, root: Option<Node>) -> Result<Node, types::Error> {
        let size = serde_json::to_string(&root).map_or(usize::MAX, |json| json.len());
        self.at_most("", size, MAX_BYTES);
        match root {
            Some(root) if self.faults.is_empty() => Ok(root),
            _ => Err(types::Error::Invalid(self.faults)),
        }
    }
}

/// Whether it leads to somewhere on the web. What else there is, such as `javascript:`, isn't a place.
fn is_address(url: &str) -> bool {
    let parsed = url.parse::<http::Uri>();
    parsed.is_ok_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|at| !at.is_empty())
    })
}

/// How deep a tree is; none if it is no tree. Children stand behind their parents, each has one of them, and
/// so no way leads in a circle.
fn depth_of(ui: &types::Ui) -> Option<usize> {
    let mut depths = vec![0; ui.nodes.len()];
    *depths.first_mut()? = 1;
    for (at, node) in ui.nodes.iter().enumerate() {
        for child in node.children.iter().map(|child| usize::from(*child)) {
            if child <= at || *depths.get(child)? != 0 {
                return None;
            }
            depths[child] = depths[at] + 1;
        }
    }
    // A node that nobody names belongs to no tree.
    if depths.contains(&0) { None } else { depths.into_iter().max() }
}
