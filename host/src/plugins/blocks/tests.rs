//! Trees become tables and trees again, and what isn't a tree is refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn leaf() -> impl Strategy<Value = Node> {
    let text = "[a-z ü<>\"]{0,12}";
    let id = "[a-z:0-9]{1,20}";
    let style = prop_oneof![Just(ButtonStyle::Primary), Just(ButtonStyle::Danger), Just(ButtonStyle::Success)];
    let choice = (id, text, proptest::option::of(text));
    let choice = choice.prop_map(|(value, label, description)| Choice { value, label, description });
    prop_oneof![
        text.prop_map(|text| Node::Text { text }),
        text.prop_map(|text| Node::Heading { text }),
        "[0-9]{1,19}|/[a-z/]{0,9}[a-z]".prop_map(|source| Node::Image { source }),
        Just(Node::Divider),
        (id, text, style, proptest::option::of(text), any::<bool>()).prop_map(|(id, label, style, emoji, disabled)| {
            Node::Button(Button { id, label, style, emoji, url: None, disabled })
        }),
        (text, "https?://[a-z]{1,9}[.]example/[a-z]{0,9}").prop_map(|(label, url)| {
            let (id, style) = (String::new(), ButtonStyle::Link);
            Node::Button(Button { id, label, style, emoji: None, url: Some(url), disabled: false })
        }),
        (id, text, proptest::collection::vec(choice, 0..4), 0..3_u8, 3..9_u8).prop_map(
            |(id, placeholder, choices, min, max)| Node::Select(Select { id, placeholder, choices, min, max })
        ),
        (id, text, any::<bool>(), proptest::option::of(text), any::<u16>()).prop_map(
            |(id, label, required, value, max_length)| {
                Node::Input(Input { id, label, multiline: !required, required, value, max_length })
            }
        ),
        (text, text).prop_map(|(name, value)| Node::Field { name, value }),
        (text, 0..=1_000_u32).prop_map(|(label, thousandths)| Node::Progress { label, thousandths }),
        (id, any::<i32>()).prop_map(|(name, x)| Node::Custom { name, data: json!({"x": [x, null, "y"]}) }),
    ]
}

fn any_tree() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(4, 90, 5, |inner| {
        let children = proptest::collection::vec(inner, 0..5);
        prop_oneof![
            children.clone().prop_map(|children| Node::Container { children }),
            children.prop_map(|children| Node::Row { children }),
        ]
    })
}

proptest! {
    #[test]
    fn a_tree_stays_itself_as_a_table_and_as_json(root in any_tree()) {
        prop_assert_eq!(tree(&table(&root), Place::Form, "/body").ok().as_ref(), Some(&root));
        prop_assert_eq!(serde_json::from_value::<Node>(json!(root)).ok(), Some(root));
    }
}

#[test]
fn clients_see_a_tree_in_their_own_words() {
    let button = types::Button {
        id: "vote:1".into(),
        label: "Yes".into(),
        style: types::Style::Primary,
        emoji: None,
        url: None,
        disabled: false,
    };
    let node = |kind, children: &[u16]| types::UiNode { kind, children: children.to_vec() };
    let nodes = vec![
        node(UiKind::Container, &[1, 2]),
        node(UiKind::Text("?".into()), &[]),
        node(UiKind::Row, &[3]),
        node(UiKind::Button(button), &[]),
    ];
    let shown = json!(tree(&types::Ui { nodes }, Place::Message, "/blocks").ok());
    let yes = json!({
        "kind": "button", "id": "vote:1", "label": "Yes", "style": "primary", "emoji": null, "url": null,
        "disabled": false,
    });
    let row = json!({"kind": "row", "children": [yes]});
    assert_eq!(shown, json!({"kind": "container", "children": [{"kind": "text", "text": "?"}, row]}));
}

/// The faults of a table, as `pointer CODE`.
fn faults(nodes: Vec<(UiKind, Vec<u16>)>, place: Place) -> Vec<String> {
    let nodes = nodes.into_iter().map(|(kind, children)| types::UiNode { kind, children }).collect();
    match tree(&types::Ui { nodes }, place, "/blocks") {
        Ok(_) => Vec::new(),
        Err(types::Error::Invalid(faults)) => {
            faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
        }
        Err(other) => vec![format!("{other:?}")],
    }
}

#[test]
fn what_is_no_tree_is_refused() {
    let box_of = |children: &[u16]| (UiKind::Container, children.to_vec());
    for (shape, code) in [
        (vec![], "INVALID_FORMAT"),
        (vec![box_of(&[0])], "INVALID_FORMAT"),
        (vec![box_of(&[1]), box_of(&[0])], "INVALID_FORMAT"),
        (vec![box_of(&[7])], "INVALID_FORMAT"),
        (vec![box_of(&[1, 1]), box_of(&[])], "INVALID_FORMAT"),
        (vec![box_of(&[]), box_of(&[])], "INVALID_FORMAT"),
        ((1..=6).map(|next| box_of(if next < 6 { std::slice::from_ref(&next) } else { &[] })).collect(), "TOO_LONG"),
        (std::iter::once(box_of(&(1..=100).collect::<Vec<_>>())).chain(vec![box_of(&[]); 100]).collect(), "TOO_LONG"),
        (vec![(UiKind::Text("x".repeat(MAX_BYTES)), vec![])], "TOO_LONG"),
    ] {
        assert_eq!(faults(shape, Place::Message), [format!("/blocks/nodes {code}")]);
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let button = |id: &str, style, url: Option<&str>| {
        let (label, url) = ("x".to_owned(), url.map(str::to_owned));
        (UiKind::Button(types::Button { id: id.into(), label, style, emoji: None, url, disabled: false }), vec![])
    };
    let select = types::Select { id: "x".repeat(101), placeholder: String::new(), choices: vec![], min: 2, max: 1 };
    let input = types::Input {
        id: "a".into(),
        label: String::new(),
        multiline: false,
        required: false,
        value: None,
        max_length: 1,
    };
    let mut nodes = vec![
        (UiKind::Row, (1..=11).collect()),
        button("", types::Style::Primary, None),
        button("a", types::Style::Primary, Some("https://example.com")),
        button("", types::Style::Link, Some("javascript:alert(1)")),
        button("", types::Style::Link, None),
        (UiKind::Select(select), vec![]),
        (UiKind::Input(input), vec![]),
        (UiKind::Image("https://elsewhere.example/pixel".into()), vec![]),
        (UiKind::Image("//elsewhere.example/pixel".into()), vec![]),
        (UiKind::Progress((String::new(), 1_001)), vec![]),
        (UiKind::Custom(("chart".into(), "{".into())), vec![]),
        (UiKind::Text(String::new()), vec![12]),
        (UiKind::Divider, vec![]),
    ];
    let expected = [
        "/blocks/nodes/0/children TOO_LONG",
        "/blocks/nodes/1/id TOO_SHORT",
        "/blocks/nodes/2/url NOT_ALLOWED",
        "/blocks/nodes/3/url INVALID_FORMAT",
        "/blocks/nodes/4/url REQUIRED",
        "/blocks/nodes/5/id TOO_LONG",
        "/blocks/nodes/5/min OUT_OF_RANGE",
        "/blocks/nodes/6/kind NOT_ALLOWED",
        "/blocks/nodes/7/image INVALID_FORMAT",
        "/blocks/nodes/8/image INVALID_FORMAT",
        "/blocks/nodes/9/progress OUT_OF_RANGE",
        "/blocks/nodes/10/custom INVALID_FORMAT",
        "/blocks/nodes/11/children TOO_LONG",
    ];
    assert_eq!(faults(nodes.clone(), Place::Message), expected);
    nodes.truncate(1);
    nodes[0].1.clear();
    assert_eq!(faults(nodes, Place::Message), Vec::<String>::new());
}
