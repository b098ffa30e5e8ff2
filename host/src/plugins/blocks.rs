//! What plugins show below messages and in forms: a tree in JSON, a flat table in the contract.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::contract::types::{self, UiKind};
use crate::closed_set;

mod checks;

use checks::Checks;
pub use checks::Place;

/// Nodes of one tree, at most.
pub const MAX_NODES: usize = 100;
/// How deep nodes may stand in each other.
pub const MAX_DEPTH: usize = 5;
/// Bytes of one tree, at most.
pub const MAX_BYTES: usize = 32 << 10;

closed_set! {
    /// What a button looks like.
    pub enum ButtonStyle {
        /// What most will choose.
        Primary = "primary",
        /// One of several.
        Secondary = "secondary",
        /// What does good.
        Success = "success",
        /// What can't be undone.
        Danger = "danger",
        /// Leads to another place.
        Link = "link",
    }
}

/// A node of what a plugin shows. Whoever doesn't know its kind shows nothing of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = UiNode)]
pub enum Node {
    /// Its children below each other.
    Container {
        /// Its children.
        #[schema(no_recursion)]
        children: Vec<Node>,
    },
    /// Its children beside each other, at most 5.
    Row {
        /// Its children.
        #[schema(no_recursion)]
        children: Vec<Node>,
    },
    /// A paragraph.
    Text {
        /// What it says.
        text: String,
    },
    /// A heading.
    Heading {
        /// What it says.
        text: String,
    },
    /// A picture.
    Image {
        /// A file's id, or a path on this server.
        source: String,
    },
    /// A line.
    Divider,
    /// Something to press.
    Button(Button),
    /// A list to choose from.
    Select(Select),
    /// Something to write into; only in forms.
    Input(Input),
    /// A name and its value.
    Field {
        /// What it is.
        name: String,
        /// What it is like.
        value: String,
    },
    /// How much of something is done.
    Progress {
        /// What of.
        label: String,
        /// How much, in thousandths.
        thousandths: u32,
    },
    /// What there is no kind for yet.
    Custom {
        /// Its kind.
        name: String,
        /// Whatever the plugin says of it.
        #[schema(value_type = Object)]
        data: Value,
    },
}

/// A button.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = UiButton)]
pub struct Button {
    /// What to say in `POST /interactions` when it is pressed.
    pub id: String,
    /// What stands on it.
    pub label: String,
    /// What it looks like.
    pub style: ButtonStyle,
    /// What stands before the label.
    pub emoji: Option<String>,
    /// Where a link leads; it isn't told to the plugin when it is pressed.
    pub url: Option<String>,
    /// Whether it can't be pressed.
    pub disabled: bool,
}

/// A list to choose from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = UiSelect)]
pub struct Select {
    /// What to say in `POST /interactions` when something is chosen.
    pub id: String,
    /// What stands there before something is chosen.
    pub placeholder: String,
    /// What there is to choose from, at most 25.
    pub choices: Vec<Choice>,
    /// The fewest that may be chosen.
    pub min: u8,
    /// The most that may be chosen.
    pub max: u8,
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = UiChoice)]
pub struct Choice {
    /// What to say when it is chosen.
    pub value: String,
    /// What people read.
    pub label: String,
    /// More of it.
    pub description: Option<String>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = UiInput)]
pub struct Input {
    /// Its name among the form's fields.
    pub id: String,
    /// What people read.
    pub label: String,
    /// Whether it takes several lines.
    pub multiline: bool,
    /// Whether it must be filled in.
    pub required: bool,
    /// What stands in it at first.
    pub value: Option<String>,
    /// In characters.
    pub max_length: u16,
}

/// The tree that a table stands for: checked, so that whoever draws it needn't. Every fault is told at once,
/// with its place below `pointer`.
pub fn tree(ui: &types::Ui, place: Place, pointer: &str) -> Result<Node, types::Error> {
    let mut checks = Checks::new(place, format!("{pointer}/nodes"));
    let shape = checks.shape(ui);
    let mut read: Vec<Option<Node>> =
        ui.nodes.iter().enumerate().map(|(at, node)| checks.node(at, node)).map(Some).collect();
    if shape {
        // Children stand behind their parents: from the end on, each is whole when it is wanted.
        for (at, node) in ui.nodes.iter().enumerate().rev() {
            let below = node.children.iter().filter_map(|child| read[usize::from(*child)].take()).collect();
            if let Some(Node::Container { children } | Node::Row { children }) = &mut read[at] {
                *children = below;
            }
        }
    }
    let root = read.into_iter().next().flatten();
    checks.finish(root)
}

/// The table that stands for a tree.
pub fn table(root: &Node) -> types::Ui {
    let mut nodes = Vec::new();
    place(root, &mut nodes);
    types::Ui { nodes }
}

/// Puts a node and then its children into the table; its place there.
fn place(node: &Node, nodes: &mut Vec<types::UiNode>) -> u16 {
    let at = nodes.len();
    nodes.push(types::UiNode { kind: kind_of(node), children: Vec::new() });
    let children = node.children().iter().map(|child| place(child, nodes)).collect();
    nodes[at].children = children;
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn kind_of(node: &Node) -> UiKind {
    match node.clone() {
        Node::Container { .. } => UiKind::Container,
        Node::Row { .. } => UiKind::Row,
        Node::Text { text } => UiKind::Text(text),
        Node::Heading { text } => UiKind::Heading(text),
        Node::Image { source } => UiKind::Image(source),
        Node::Divider => UiKind::Divider,
        Node::Button(Button { id, label, style, emoji, url, disabled }) => {
            let style = match style {
                ButtonStyle::Primary => types::Style::Primary,
                ButtonStyle::Secondary => types::Style::Secondary,
                ButtonStyle::Success => types::Style::Success,
                ButtonStyle::Danger => types::Style::Danger,
                ButtonStyle::Link => types::Style::Link,
            };
            UiKind::Button(types::Button { id, label, style, emoji, url, disabled })
        }
        Node::Select(Select { id, placeholder, choices, min, max }) => {
            let choice = |Choice { value, label, description }| types::Choice { value, label, description };
            let choices = choices.into_iter().map(choice).collect();
            UiKind::Select(types::Select { id, placeholder, choices, min, max })
        }
        Node::Input(Input { id, label, multiline, required, value, max_length }) => {
            UiKind::Input(types::Input { id, label, multiline, required, value, max_length })
        }
        Node::Field { name, value } => UiKind::Field((name, value)),
        Node::Progress { label, thousandths } => UiKind::Progress((label, thousandths)),
        Node::Custom { name, data } => UiKind::Custom((name, data.to_string())),
    }
}

impl Node {
    /// What stands in it.
    pub fn children(&self) -> &[Node] {
        match self {
            Node::Container { children } | Node::Row { children } => children,
            _ => &[],
        }
    }

    /// The first node of this tree that something is found in.
    pub fn find<'a, T>(&'a self, look: &impl Fn(&'a Node) -> Option<T>) -> Option<T> {
        look(self).or_else(|| self.children().iter().find_map(|child| child.find(look)))
    }
}

impl From<types::Choice> for Choice {
    fn from(types::Choice { value, label, description }: types::Choice) -> Choice {
        Choice { value, label, description }
    }
}

impl From<types::Style> for ButtonStyle {
    fn from(style: types::Style) -> ButtonStyle {
        match style {
            types::Style::Primary => ButtonStyle::Primary,
            types::Style::Secondary => ButtonStyle::Secondary,
            types::Style::Success => ButtonStyle::Success,
            types::Style::Danger => ButtonStyle::Danger,
            types::Style::Link => ButtonStyle::Link,
        }
    }
}

#[cfg(test)]
mod tests;
