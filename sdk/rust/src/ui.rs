//! What is shown below a message's text, or in a form: written as a tree, sent as a table.
//!
//! ```
//! use guildhall_sdk::ui;
//!
//! let blocks = ui::container([
//!     ui::heading("Lunch?"),
//!     ui::row([ui::button("yes", "Yes").primary(), ui::button("no", "No")]),
//! ]);
//! ```

use crate::Choice;
use crate::bindings::imports::guildhall::plugin::types::{Button, Select, UiNode};
pub use crate::bindings::imports::guildhall::plugin::types::{Input, Style, Ui, UiKind};

/// A node with its children.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    kind: UiKind,
    children: Vec<Node>,
}

/// These below each other.
pub fn container(children: impl IntoIterator<Item = Node>) -> Node {
    Node { kind: UiKind::Container, children: children.into_iter().collect() }
}

/// These beside each other, at most 5.
pub fn row(children: impl IntoIterator<Item = Node>) -> Node {
    Node { kind: UiKind::Row, children: children.into_iter().collect() }
}

/// A paragraph.
pub fn text(text: impl Into<String>) -> Node {
    leaf(UiKind::Text(text.into()))
}

/// A heading.
pub fn heading(text: impl Into<String>) -> Node {
    leaf(UiKind::Heading(text.into()))
}

/// A line.
pub fn divider() -> Node {
    leaf(UiKind::Divider)
}

/// A name and its value.
pub fn field(name: impl Into<String>, value: impl Into<String>) -> Node {
    leaf(UiKind::Field((name.into(), value.into())))
}

/// A label, and how much of it is done in thousandths.
pub fn progress(label: impl Into<String>, thousandths: u32) -> Node {
    leaf(UiKind::Progress((label.into(), thousandths.min(1000))))
}

/// A button; its id comes back in `component`.
pub fn button(id: impl Into<String>, label: impl Into<String>) -> Node {
    leaf(UiKind::Button(Button {
        id: id.into(),
        label: label.into(),
        style: Style::Secondary,
        emoji: None,
        url: None,
        disabled: false,
    }))
}

/// A list of which between `min` and `max` are chosen; its id comes back in `component`.
pub fn select(id: impl Into<String>, placeholder: impl Into<String>, choices: Vec<Choice>, min: u8, max: u8) -> Node {
    leaf(UiKind::Select(Select { id: id.into(), placeholder: placeholder.into(), choices, min, max }))
}

/// A field of a form; its id comes back in `form`.
pub fn input(input: Input) -> Node {
    leaf(UiKind::Input(input))
}

fn leaf(kind: UiKind) -> Node {
    Node { kind, children: Vec::new() }
}

impl Node {
    /// A button that stands out.
    pub fn primary(self) -> Node {
        self.style(Style::Primary)
    }

    /// A button that looks so; other nodes stay as they are.
    pub fn style(mut self, style: Style) -> Node {
        if let UiKind::Button(button) = &mut self.kind {
            button.style = style;
        }
        self
    }
}

impl From<Node> for Ui {
    fn from(root: Node) -> Ui {
        let mut nodes = Vec::new();
        place(root, &mut nodes);
        Ui { nodes }
    }
}

/// Puts a node and then its children into the table; its place there.
fn place(node: Node, nodes: &mut Vec<UiNode>) -> u16 {
    let index = nodes.len();
    nodes.push(UiNode { kind: node.kind, children: Vec::new() });
    let children = node.children.into_iter().map(|child| place(child, nodes)).collect();
    nodes[index].children = children;
    index as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_becomes_a_table_whose_children_come_after_their_parents() {
        let table = Ui::from(container([row([text("a"), text("b")]), divider()]));
        let children: Vec<_> = table.nodes.iter().map(|node| node.children.as_slice()).collect();
        assert_eq!(children, [&[1, 4][..], &[2, 3], &[], &[], &[]]);
    }
}
