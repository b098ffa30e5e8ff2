//! A plugin's one file: a WebAssembly component whose custom sections say what it is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::manifest::Manifest;
use super::texts::Texts;

/// The largest component, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The largest of the sections that describe it, in bytes.
const MAX_SECTION: usize = 256 * 1024;
/// Sections that describe it, at most: it may speak many languages.
const MAX_SECTIONS: usize = 80;
/// How a component begins: the magic word, version 13, layer 1.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// How a core module begins.
const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
/// The kind of section that holds whatever one likes.
const CUSTOM: u8 = 0;
/// The highest kind of section that components have: values.
const LAST_KIND: u8 = 12;
/// What the names of our sections begin with.
const OURS: &str = "guildhall:";

/// A plugin as its file says.
#[derive(Debug)]
pub struct Artifact {
    /// The SHA-256 of its bytes, in hexadecimal: its identity.
    pub digest: String,
    /// What it is and asks for.
    pub manifest: Manifest,
    /// What it says in other languages.
    pub texts: Texts,
    /// The description of its routes: `paths` and `components.schemas`.
    pub openapi: Option<Value>,
    /// What people read before they install it, as Markdown.
    pub readme: Option<String>,
    /// The component itself.
    pub bytes: Arc<[u8]>,
}

impl Artifact {
    /// Reads a component. Only what stands around the code is looked at; the runtime judges the code.
    pub fn read(bytes: Arc<[u8]>) -> anyhow::Result<Artifact> {
        ensure!(bytes.len() <= MAX_BYTES, "it has {} bytes, and {MAX_BYTES} are allowed", bytes.len());
        let sections = sections(&bytes)?;
        let manifest = sections.get("manifest").context("it has no section guildhall:manifest")?;
        let manifest = Manifest::parse(text("manifest", manifest)?).context("its manifest is refused")?;
        let mut texts = Texts::default();
        for (name, content) in &sections {
            if let Some(language) = name.strip_prefix("locale:") {
                let read = texts.add(language, text(name, content)?);
                read.with_context(|| format!("guildhall:{name} is refused"))?;
            }
        }
        Ok(Artifact {
            digest: hexadecimal(digest(&SHA256, &bytes).as_ref()),
            openapi: sections.get("openapi").map(|content| openapi(content)).transpose()?,
            readme: sections.get("readme").map(|content| text("readme", content).map(str::to_owned)).transpose()?,
            manifest,
            texts,
            bytes,
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a text can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn text<'b>(section: &str, content: &'b [u8]) -> anyhow::Result<&'b str> {
    let text = std::str::from_utf8(content).ok().with_context(|| format!("guildhall:{section} is no UTF-8"))?;
    // PostgreSQL can't store it, and no text needs it.
    ensure!(!text.contains('\0'), "guildhall:{section} holds U+0000");
    Ok(text)
}

/// A description of routes: two places that may be filled, and nothing else that would get into the API's document.
fn openapi(content: &[u8]) -> anyhow::Result<Value> {
    let fragment: Value = serde_json::from_str(text("openapi", content)?).context("guildhall:openapi is no JSON")?;
    let keys = |value: &Value| -> Option<Vec<String>> { Some(value.as_object()?.keys().cloned().collect()) };
    for (place, known) in [("", ["paths", "components"].as_slice()), ("/components", &["schemas"])] {
        let Some(value) = fragment.pointer(place) else { continue };
        let keys = keys(value).with_context(|| format!("guildhall:openapi: `{place}` is no object"))?;
        let strange = keys.iter().find(|key| !known.contains(&key.as_str()));
        ensure!(strange.is_none(), "guildhall:openapi: `{place}` has `{}`", strange.map_or("", |key| key));
    }
    Ok(fragment)
}

/// The custom sections that are ours, by the rest of their names. Those of nested components aren't ours.
fn sections(bytes: &[u8]) -> anyhow::Result<BTreeMap<&str, &[u8]>> {
    ensure!(!bytes.starts_with(&MODULE), "it is a core module, not a component: wrap it first");
    ensure!(bytes.starts_with(&COMPONENT), "it doesn't begin as a component does");
    let mut found = BTreeMap::new();
    let mut reader = Reader { bytes, at: COMPONENT.len() };
    while reader.at < bytes.len() {
        let begins = reader.at;
        let section = reader.section().with_context(|| format!("the section at byte {begins} is broken"))?;
        let Some((name, content)) = section else { continue };
        let Some(name) = name.strip_prefix(OURS) else { continue };
        ensure!(content.len() <= MAX_SECTION, "{OURS}{name} has more than {MAX_SECTION} bytes");
        ensure!(found.insert(name, content).is_none(), "{OURS}{name} is there twice");
        ensure!(found.len() <= MAX_SECTIONS, "it has more than {MAX_SECTIONS} sections of ours");
    }
    Ok(found)
}

/// Goes through bytes that anybody may have made.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    /// The next section; its name and content if it is a custom one.
    fn section(&mut self) -> anyhow::Result<Option<(&'b str, &'b [u8])>> {
        let kind = self.byte()?;
        let size = self.size()?;
        let payload = self.take(size)?;
        if kind > LAST_KIND {
            bail!("no section is of the kind {kind}");
        }
        if kind != CUSTOM {
            return Ok(None);
        }
        let mut inside = Reader { bytes: payload, at: 0 };
        let size = inside.size()?;
        let name = std::str::from_utf8(inside.take(size)?).context("its name is no UTF-8")?;
        Ok(Some((name, &payload[inside.at..])))
    }

    fn byte(&mut self) -> anyhow::Result<u8> {
        let byte = *self.bytes.get(self.at).context("it ends too early")?;
        self.at += 1;
        Ok(byte)
    }

    /// A number of 32 bits in LEB128.
    fn size(&mut self) -> anyhow::Result<usize> {
        let mut number = 0_u64;
        for place in 0..5 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                ensure!(number <= u64::from(u32::MAX), "a size has more than 32 bits");
                return Ok(number as usize);
            }
        }
        bail!("a size has more than five bytes")
    }

    fn take(&mut self, size: usize) -> anyhow::Result<&'b [u8]> {
        let end = self.at.checked_add(size).filter(|end| *end <= self.bytes.len());
        let end = end.context("it is longer than what is left")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "[plugin]\nid = 'tests.greeter'\nname = 'Greeter'\nversion = '1.0.0'\napi = '0.1'\nsummary = 'x'";

    fn section(name: &str, content: &[u8]) -> Vec<u8> {
        let payload = [&[name.len() as u8], name.as_bytes(), content].concat();
        let size = [(payload.len() & 0x7f) as u8 | 0x80, (payload.len() >> 7) as u8];
        [&[CUSTOM], &size[..], &payload].concat()
    }

    fn component(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let sections = sections.iter().flat_map(|(name, content)| section(name, content));
        COMPONENT.into_iter().chain(sections).collect()
    }

    fn why(bytes: Vec<u8>) -> String {
        format!("{:#}", Artifact::read(bytes.into()).expect_err("it is broken"))
    }

    #[test]
    fn a_component_says_what_it_is() {
        let bytes = component(&[
            ("producers", b"\xff\xff"),
            ("guildhall:manifest", MANIFEST.as_bytes()),
            ("guildhall:locale:tr", "plugin-name = Karşılayıcı".as_bytes()),
            ("guildhall:readme", b"# Greeter"),
            ("guildhall:openapi", br#"{"paths": {}, "components": {"schemas": {}}}"#),
        ]);
        let digest = hexadecimal(digest(&SHA256, &bytes).as_ref());
        let read = Artifact::read(bytes.into()).unwrap();
        assert_eq!((read.digest.len(), read.digest), (64, digest));
        assert_eq!(read.manifest.plugin.id.as_str(), "tests.greeter");
        assert_eq!(read.texts.say("tr", "plugin-name", None).as_deref(), Some("Karşılayıcı"));
        assert_eq!(read.readme.as_deref(), Some("# Greeter"));
        assert!(read.openapi.is_some());
    }

    #[test]
    fn what_is_broken_is_refused_in_words() {
        let manifest = ("guildhall:manifest", MANIFEST.as_bytes());
        for (bytes, expected) in [
            (Vec::new(), "doesn't begin"),
            (b"\x7fELF....".to_vec(), "doesn't begin"),
            (MODULE.to_vec(), "core module"),
            (component(&[]), "no section guildhall:manifest"),
            (component(&[manifest, manifest]), "guildhall:manifest is there twice"),
            (component(&[("guildhall:manifest", b"\xff")]), "no UTF-8"),
            (component(&[("guildhall:manifest", b"a\0")]), "U+0000"),
            (component(&[manifest, ("guildhall:openapi", b"[]")]), "no object"),
            (component(&[manifest, ("guildhall:openapi", br#"{"servers": []}"#)]), "has `servers`"),
            (component(&[manifest, ("guildhall:locale:tr", b"= nothing")]), "guildhall:locale:tr is refused"),
            ([&component(&[manifest])[..], &[13, 0]].concat(), "kind 13"),
            ([&COMPONENT[..], &[0, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat(), "more than 32 bits"),
            ([&COMPONENT[..], &[0, 0x80, 0x80, 0x80, 0x80, 0x80, 0]].concat(), "more than five bytes"),
            ([&COMPONENT[..], &[0, 2, 9, b'x']].concat(), "longer than what is left"),
            ([&COMPONENT[..], &[0, 0]].concat(), "ends too early"),
        ] {
            let said = why(bytes);
            assert!(said.contains(expected), "{expected:?} in {said:?}");
        }
        assert!(why(vec![0; MAX_BYTES + 1]).contains("are allowed"));
    }

    #[test]
    fn no_bytes_at_all_make_it_panic() {
        let good = component(&[("guildhall:manifest", MANIFEST.as_bytes()), ("guildhall:locale:tr", b"a = b")]);
        for end in 0..good.len() {
            let _ = Artifact::read(good[..end].into());
            for change in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[end] = change;
                let _ = Artifact::read(bytes.into());
            }
        }
    }
}
