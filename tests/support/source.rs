//! The house's own sources, read as a compiler's first pass does: tokens, without comments and tests.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// The folder that holds the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// A Rust file of the house.
pub struct Source {
    /// Its path below the workspace, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// What of it is compiled into the product: no comments, no tests.
    pub tokens: Vec<TokenTree>,
}

/// A name such as `crate::db::Conn`, with the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its parts.
    pub parts: Vec<String>,
    /// The line, from 1.
    pub line: usize,
}

/// Text between quotes, with the line it stands on.
#[derive(Debug, Clone)]
pub struct Literal {
    /// What the text says, escapes undone.
    pub text: String,
    /// The line, from 1.
    pub line: usize,
}

/// Every Rust file below `folder` of the workspace, in order.
pub fn sources(folder: &str) -> Vec<Source> {
    let files = files(folder).into_iter().filter(|path| path.ends_with(".rs"));
    files.map(|path| Source::read(&path)).collect()
}

/// The paths of all files below `folder` that belong to the project, in order.
pub fn files(folder: &str) -> Vec<String> {
    let root = root();
    let strange = ["target", ".git", "data", "node_modules"];
    let walk = walkdir::WalkDir::new(root.join(folder)).sort_by_file_name().into_iter();
    let ours = walk.filter_entry(|entry| !strange.iter().any(|name| entry.file_name() == *name));
    let files = ours.map(|entry| entry.expect("a readable folder")).filter(|entry| entry.file_type().is_file());
    let below = files.map(|entry| entry.path().strip_prefix(&root).expect("below the root").to_path_buf());
    below.map(|path| path.to_str().expect("a plain name").replace('\\', "/")).collect()
}

impl Source {
    fn read(path: &str) -> Source {
        Source::of(path, std::fs::read_to_string(root().join(path)).expect("a readable file"))
    }

    /// A file of this text.
    pub fn of(path: &str, text: String) -> Source {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        Source { path: path.to_owned(), text, tokens: without_tests(tokens.into_iter().collect()) }
    }

    /// Its path below `host/src`, or nothing.
    pub fn module(&self) -> Option<&str> {
        self.path.strip_prefix("host/src/")
    }

    /// Every name that is written in it or imported by it, those in macros too.
    pub fn names(&self) -> Vec<Name> {
        let mut names = Vec::new();
        collect_names(&self.tokens, &[], &mut names);
        names
    }

    /// Every text in it.
    pub fn literals(&self) -> Vec<Literal> {
        let mut literals = Vec::new();
        visit(&self.tokens, &mut |tokens| literals.extend(tokens.iter().filter_map(literal)));
        literals
    }

    /// Shows every sequence of tokens to `look`: the file's own and that of each pair of brackets.
    pub fn visit(&self, mut look: impl FnMut(&[TokenTree])) {
        visit(&self.tokens, &mut look);
    }
}

/// The text of a token, if it is one.
pub fn literal(token: &TokenTree) -> Option<Literal> {
    let TokenTree::Literal(literal) = token else { return None };
    let text: syn::LitStr = syn::parse_str(&literal.to_string()).ok()?;
    Some(Literal { text: text.value(), line: literal.span().start().line })
}

/// Whether a token is this word.
pub fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

/// Whether a token is this sign.
pub fn is_sign(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn visit(tokens: &[TokenTree], look: &mut impl FnMut(&[TokenTree])) {
    look(tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            visit(&inside(group), look);
        }
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// Leaves out doc comments, and items that are for tests alone.
fn without_tests(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let is_attribute = is_sign(Some(&token), '#');
        if is_attribute && is_sign(rest.peek(), '!') {
            kept.push(token);
            continue;
        }
        if let (true, Some(TokenTree::Group(group))) = (is_attribute, rest.peek()) {
            let text = group.stream().to_string();
            if text.starts_with("doc") {
                rest.next();
                continue;
            }
            if text == "cfg (test)" {
                rest.next();
                // The item ends with its body or its semicolon.
                for token in rest.by_ref() {
                    let body = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
                    if body || is_sign(Some(&token), ';') {
                        break;
                    }
                }
                continue;
            }
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                let stream = without_tests(inside(&group)).into_iter().collect();
                let mut smaller = Group::new(group.delimiter(), stream);
                smaller.set_span(group.span());
                TokenTree::Group(smaller)
            }
            other => other,
        });
    }
    kept
}

/// Whether `::` begins at this place.
fn is_joint(tokens: &[TokenTree], at: usize) -> bool {
    let joint = matches!(tokens.get(at), Some(TokenTree::Punct(sign)) if sign.spacing() == Spacing::Joint);
    joint && is_sign(tokens.get(at), ':') && is_sign(tokens.get(at + 1), ':')
}

fn collect_names(tokens: &[TokenTree], before: &[String], names: &mut Vec<Name>) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) => collect_names(&inside(group), &[], names),
            TokenTree::Ident(ident) => {
                let mut parts = before.to_vec();
                parts.push(ident.to_string());
                let mut imports = None;
                while is_joint(tokens, at) {
                    match tokens.get(at + 2) {
                        Some(TokenTree::Ident(next)) => parts.push(next.to_string()),
                        Some(TokenTree::Group(group)) => imports = Some(group),
                        _ => break,
                    }
                    at += 3;
                }
                match imports {
                    Some(group) => collect_names(&inside(group), &parts, names),
                    None => names.push(Name { parts, line: ident.span().start().line }),
                }
            }
            _ => {}
        }
    }
}
