//! Makes components: other ones from those that were built, and ones that no compiler would make.

use std::path::PathBuf;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::source::root;

/// How a component begins.
pub const BEGINNING: &[u8] = b"\0asm\x0d\0\x01\0";
/// What the names of the sections that describe a plugin begin with.
const OURS: &[u8] = b"guildhall:";

/// The folder of the guests that were built for tests; nothing if they can't be had and the run may do without.
pub fn test_guests() -> Option<PathBuf> {
    let folder = std::env::var_os("GUILDHALL_TEST_GUESTS");
    assert!(folder.is_some() || super::may_skip("guests"), "GUILDHALL_TEST_GUESTS is not set; run `cargo xtask test`");
    folder.map(PathBuf::from)
}

/// A component with the same code, and this manifest as its only description.
pub fn repacked(component: &[u8], manifest: &str) -> Vec<u8> {
    assert!(component.starts_with(BEGINNING), "this is no component");
    let (mut made, mut rest) = (BEGINNING.to_vec(), &component[BEGINNING.len()..]);
    while !rest.is_empty() {
        let (size, begins) = number(&rest[1..]);
        let whole = 1 + begins + size;
        if rest[0] != 0 || !name(&rest[1 + begins..whole]).starts_with(OURS) {
            made.extend(&rest[..whole]);
        }
        rest = &rest[whole..];
    }
    section(&mut made, 0, &custom("guildhall:manifest", manifest.as_bytes()));
    made
}

/// A component of a core module in the text format, for a world of the contract or of `wit`, which may include
/// the contract's.
pub fn component(module: &str, world: &str, wit: Option<&str>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (contract, _) = resolve.push_path(root().join("wit")).expect("the contract");
    let package = wit.map_or(contract, |wit| resolve.push_str("own.wit", wit).expect("a world"));
    let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
    let mut module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it takes the world");
    let mut encoder = ComponentEncoder::default().module(&module).expect("a module of the world");
    encoder.encode().unwrap_or_else(|error| panic!("{error:?}"))
}

/// Appends a section.
pub fn section(bytes: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    bytes.push(kind);
    put_number(bytes, payload.len());
    bytes.extend(payload);
}

/// Appends a number in LEB128.
pub fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    put_number(&mut payload, name.len());
    [&payload, name.as_bytes(), content].concat()
}

/// A number in LEB128, and how many bytes it has.
fn number(bytes: &[u8]) -> (usize, usize) {
    let len = bytes.iter().position(|byte| byte & 0x80 == 0).expect("a whole number") + 1;
    (bytes[..len].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f)), len)
}

/// The name of a custom section.
fn name(payload: &[u8]) -> &[u8] {
    let (size, begins) = number(payload);
    &payload[begins..begins + size]
}
