//! Reads what the house's own sources say beside their code: settings with their sentences, and the fields of commands.

use std::collections::BTreeMap;
use std::path::Path;

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, File, FnArg, Ident, Item, ItemEnum, ItemFn, ItemStruct, Lit, Meta, Pat, Stmt, Token, Type};

/// The words of a `closed_set!`, by their names in the code.
fn words(path: &str) -> BTreeMap<String, String> {
    let set = file(path).items.into_iter().find_map(|item| match item {
        Item::Macro(item) if item.mac.path.is_ident("closed_set") => item.mac.parse_body::<ItemEnum>().ok(),
        _ => None,
    });
    let set = set.unwrap_or_else(|| panic!("{path} has no closed set"));
    let word = |variant: &syn::Variant| match &variant.discriminant {
        Some((_, Expr::Lit(literal))) => match &literal.lit {
            Lit::Str(word) => word.value(),
            _ => panic!("{} isn't a word", variant.ident),
        },
        _ => panic!("{} has no word", variant.ident),
    };
    set.variants.iter().map(|variant| (variant.ident.to_string(), word(variant))).collect()
}

/// Every setting by its path, with its sentence, in the order of the source.
pub fn settings(path: &str) -> Vec<(String, String)> {
    let items = file(path).items;
    let sections: BTreeMap<String, Vec<(String, String)>> = items
        .iter()
        .filter_map(|item| match item {
            Item::Macro(item) if item.mac.path.is_ident("section") => item.mac.parse_body::<Section>().ok(),
            _ => None,
        })
        .map(|section| (section.name, section.fields))
        .collect();
    let mut settings = Vec::new();
    // What serde skips is for tests alone.
    let is_setting = |field: &&syn::Field| !field.attrs.iter().any(|attribute| attribute.path().is_ident("serde"));
    for field in strukt(&items, "Config").fields.iter().filter(is_setting) {
        let name = field.ident.as_ref().expect("a name").to_string();
        match sections.get(&type_name(&field.ty)) {
            Some(fields) => settings.extend(fields.iter().map(|(key, told)| (format!("{name}.{key}"), told.clone()))),
            None => settings.push((name, sentence(&field.attrs))),
        }
    }
    settings
}

/// `section! { /// … Name { /// … field: Type = default, … } }`
struct Section {
    name: String,
    fields: Vec<(String, String)>,
}

struct Setting(String, String);

impl Parse for Section {
    fn parse(input: ParseStream<'_>) -> syn::Result<Section> {
        input.call(Attribute::parse_outer)?;
        let name: Ident = input.parse()?;
        let body;
        syn::braced!(body in input);
        let fields = Punctuated::<Setting, Token![,]>::parse_terminated(&body)?;
        Ok(Section {
            name: name.to_string(),
            fields: fields.into_iter().map(|Setting(key, told)| (key, told)).collect(),
        })
    }
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Setting> {
        let told = sentence(&input.call(Attribute::parse_outer)?);
        let key: Ident = input.parse()?;
        input.parse::<Token![:]>()?;
        input.parse::<Type>()?;
        input.parse::<Token![=]>()?;
        input.parse::<Expr>()?;
        Ok(Setting(key.to_string(), told))
    }
}

/// The commands that `run` does, each with the fields of its body.
pub fn commands(path: &str, names: &str) -> BTreeMap<String, String> {
    let words = words(names);
    let items = file(path).items;
    let run = function(&items, "run");
    let arms = run.block.stmts.iter().find_map(|statement| match statement {
        Stmt::Expr(Expr::Match(choice), _) => Some(&choice.arms),
        _ => None,
    });
    let mut commands = BTreeMap::new();
    for arm in arms.expect("a match in run") {
        let (Pat::Path(name), Expr::Await(awaited)) = (&arm.pat, &*arm.body) else { continue };
        let Some(name) = name.path.segments.last() else { continue };
        let Some(called) = called(&awaited.base) else { continue };
        let body = match &function(&items, &called).sig.inputs[2] {
            FnArg::Typed(body) => type_name(&body.ty),
            FnArg::Receiver(_) => panic!("{called} is no free function"),
        };
        // A body that a route takes as well stands where the operation is.
        let elsewhere = match body.as_str() {
            "NewInteraction" => file("host/src/plugins/interactions.rs").items,
            _ => Vec::new(),
        };
        let items = if elsewhere.is_empty() { &items } else { &elsewhere };
        let fields: Vec<String> = strukt(items, &body).fields.iter().map(described).collect();
        commands.insert(words[&name.ident.to_string()].clone(), format!("`{{{}}}`", fields.join(", ")));
    }
    commands
}

/// The function that is called, in a `Box::pin` or not.
fn called(expression: &Expr) -> Option<String> {
    let Expr::Call(call) = expression else { return None };
    let Expr::Path(function) = &*call.func else { return None };
    let name = function.path.segments.last()?.ident.to_string();
    if name == "pin" { called(call.args.first()?) } else { Some(name) }
}

/// A field as the documents write it: `room: text`, `nonce?: text`.
fn described(field: &syn::Field) -> String {
    let name = field.ident.as_ref().expect("a name");
    let written = quoted_type(&field.ty);
    let optional = written.ends_with('?') || field.attrs.iter().any(|attribute| attribute.path().is_ident("serde"));
    format!("{name}{}: {}", if optional { "?" } else { "" }, written.trim_end_matches('?'))
}

fn quoted_type(ty: &Type) -> String {
    let name = type_name(ty);
    let inner = || match ty {
        Type::Path(path) => match &path.path.segments.last().expect("a name").arguments {
            syn::PathArguments::AngleBracketed(inner) => match inner.args.first() {
                Some(syn::GenericArgument::Type(inner)) => quoted_type(inner),
                _ => panic!("{name} of nothing"),
            },
            _ => panic!("{name} of nothing"),
        },
        _ => panic!("{name} is no plain type"),
    };
    match name.as_str() {
        "String" => "text".to_owned(),
        "bool" => "bool".to_owned(),
        "i64" => "number".to_owned(),
        "Availability" | "InteractionKind" => "text".to_owned(),
        "Map" | "BTreeMap" => "{}".to_owned(),
        "Vec" => format!("[{}]", inner()),
        "Option" => format!("{}?", inner()),
        id if id.ends_with("Id") => "id".to_owned(),
        "AllowedMentions" => "{users?: [id], roles?: [id], everyone?: bool}".to_owned(),
        other => panic!("say in this function how {other} looks in JSON"),
    }
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().expect("a name").ident.to_string(),
        _ => String::new(),
    }
}

fn function<'i>(items: &'i [Item], name: &str) -> &'i ItemFn {
    let found = items.iter().find_map(|item| match item {
        Item::Fn(function) if function.sig.ident == name => Some(function),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no function {name}"))
}

fn strukt<'i>(items: &'i [Item], name: &str) -> &'i ItemStruct {
    let found = items.iter().find_map(|item| match item {
        Item::Struct(found) if found.ident == name => Some(found),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no struct {name}"))
}

fn file(path: &str) -> File {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The doc comment, on one line.
fn sentence(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(line) => Some(line.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}
