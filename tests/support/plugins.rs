//! Plugins without code: enough to be listed, allowed, set and removed.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Asks for little, and for two things that it can do without.
pub const GREETER: &str = "
[plugin]
id = 'tests.greeter'
name = 'Greeter'
version = '1.2.0'
api = '0.1'
summary = 'Says hello to those who come.'
categories = ['community', 'fun']

[[permissions]]
name = 'messages-write'
reason = 'To say hello'
channels = 'chosen'

[[permissions]]
name = 'members'
reason = 'To know whom'
optional = true

[[permissions]]
name = 'moderation'
reason = 'To show out whoever is rude'
optional = true

[config.greeting]
kind = 'text'
label = 'Greeting'
default = 'Hello'
max = 20

[config.days]
kind = 'int'
label = 'Days'
min = 1
max = 7

[config.token]
kind = 'text'
label = 'Token'
secret = true
";

const TURKISH: &str = "
plugin-name = Karşılayıcı
plugin-summary = Gelenleri selamlar.
permission-messages-write = Selam vermek için
config-greeting = Selam
    .description = Ne denir
";

/// Can't do without acting on others.
const KEEPER: &str = "
[plugin]
id = 'tests.keeper'
name = 'Keeper of the very long and winding road'
version = '0.1.0'
api = '0.1'
summary = 'Keeps order.'
categories = ['moderation']

[[permissions]]
name = 'moderation'
reason = 'To keep order'

[[permissions]]
name = 'roles'
reason = 'To give roles'
";

/// Can't be installed without being set, and has routes.
const STRICT: &str = "
[plugin]
id = 'tests.strict'
name = 'Strict'
version = '0.1.0'
api = '0.1'
summary = 'Wants to be told.'

[[hooks]]
name = 'http-routes'

[[routes]]
name = 'list'
method = 'GET'
path = '/strict'
guild = 'query:guild_id'

[config.address]
kind = 'text'
label = 'Address'
required = true
";

/// A component of this manifest and these languages, without code.
pub fn component(manifest: &str, languages: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut bytes, "guildhall:manifest", manifest);
    for (language, text) in languages {
        section(&mut bytes, &format!("guildhall:locale:{language}"), text);
    }
    bytes
}

fn section(bytes: &mut Vec<u8>, name: &str, content: &str) {
    let payload = [&[u8::try_from(name.len()).expect("a short name")], name.as_bytes(), content.as_bytes()].concat();
    let mut size = payload.len();
    bytes.push(0);
    while size > 0x7f {
        bytes.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes.extend(payload);
}

/// The folder with all plugins: those that come with the server, those with code for tests, and those without.
pub fn built() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for plugins");
        for file in std::fs::read_dir(self::folder()).expect("plugins").filter_map(Result::ok) {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("a plugin");
        }
        for variable in ["GUILDHALL_PLUGINS_BUNDLED", "GUILDHALL_TEST_GUESTS"] {
            let built =
                std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} isn't set: run `cargo xtask test`"));
            for file in std::fs::read_dir(built).expect("plugins").filter_map(Result::ok) {
                std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("a plugin");
            }
        }
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}

/// The folder that stories' servers take their plugins from: these, and one file that is broken.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for plugins");
        let put = |name: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).expect("a file");
        put("greeter.wasm", component(GREETER, &[("tr", TURKISH)]));
        put("keeper.wasm", component(KEEPER, &[]));
        put("strict.wasm", component(STRICT, &[]));
        put("broken.wasm", component("[plugin", &[]));
        put("readme.txt", b"no plugin".to_vec());
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}
