//! Hostile plugins: whatever one does, it is told why in its log, and nobody else notices.

mod crowded;
mod files;
mod guest;
mod midway;
mod reaching;
mod written;
mod yard;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::faults::is_soak;
use crate::story;
use yard::{Yard, settings};

/// Each component is compiled first, which takes a while: continuous integration goes through one of so many.
const SLICE: usize = 9;

/// A folder with the components that are written by hand.
fn written_folder() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for plugins");
        for (plugin, bytes) in written::components().into_iter().chain(files::components()) {
            std::fs::write(folder.path().join(format!("{plugin}.wasm")), bytes).expect("a file");
        }
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}

/// The folder of the guest's components; an empty one where it can't be had.
fn guests_folder() -> PathBuf {
    guest::folder().map(Path::to_owned).unwrap_or_default()
}

/// A story of what the guest `hostile` does, in a yard of its own; none where the guest can't be had.
macro_rules! yard_story {
    ($name:ident, |$yard:ident| $body:block) => {
        story!($name, |config| { settings(config, &guests_folder()) }, |app| {
            if guest::folder().is_some() {
                let $yard = Yard::open(&app, "hostile.none").await;
                $body
            }
        });
    };
}

yard_story!(what_a_guest_does_wrong_harms_nobody_else, |yard| {
    let mut wrong = Vec::new();
    for case in guest::all().step_by(if is_soak() { 1 } else { SLICE }) {
        wrong.extend(guest::go_through(&yard, case).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
});

yard_story!(nobody_reaches_what_is_not_theirs, |yard| {
    reaching::go_through(&yard).await;
    reaching::resources_belong_to_their_installations(&yard).await;
});

yard_story!(what_is_changed_in_the_middle_of_a_call_counts, |yard| {
    midway::go_through(&yard).await;
    midway::whoever_asked_goes_away(&yard).await;
});

yard_story!(what_keeps_failing_is_left_alone_and_switched_off, |yard| {
    midway::breakers_open(&yard).await;
    midway::what_cannot_begin_is_switched_off(&yard).await;
});

yard_story!(two_that_answer_each_other_come_to_an_end, |yard| {
    midway::two_that_answer_each_other_come_to_an_end(&yard).await;
});

yard_story!(many_timers_of_one_keep_nobody_from_theirs, |yard| {
    crowded::many_timers_keep_nobody_from_theirs(&yard).await;
});

yard_story!(what_there_is_no_room_for_comes_to_nothing, |yard| {
    crowded::filters_have_places_of_their_own(&yard).await;
    crowded::its_other_calls_keep_no_filter_waiting(&yard).await;
    crowded::a_minute_allows_so_much(&yard).await;
    crowded::what_expires_makes_room_again(&yard).await;
});

yard_story!(what_others_overtake_is_run_again_and_not_for_ever, |yard| {
    crowded::whoever_is_overtaken_goes_alone_at_last(&yard).await;
    crowded::whoever_is_always_overtaken_gives_up(&yard).await;
});

story!(what_no_compiler_makes_harms_nobody_else, |config| { settings(config, written_folder()) }, |app| {
    let yard = Yard::open(&app, "written.none").await;
    let mut wrong = Vec::new();
    for (family, _, cases) in written::FAMILIES {
        goes_well(&yard, &format!("written.{family}")).await;
        for (name, code, _) in *cases {
            wrong.extend(refused(&yard, &format!("written.{name}"), code, "").await);
        }
    }
    for (name, well, code) in written::APART {
        goes_well(&yard, &format!("written.{well}")).await;
        wrong.extend(refused(&yard, &format!("written.{name}"), code, "").await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
});

story!(what_is_no_plugin_is_not_started, |config| { settings(config, written_folder()) }, |app| {
    let yard = Yard::open(&app, "written.none").await;
    for name in files::CONTROLS {
        goes_well(&yard, &format!("files.{name}")).await;
    }
    let mut wrong = Vec::new();
    for (name, code, says) in files::listed() {
        wrong.extend(refused(&yard, &format!("files.{name}"), code, says).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for name in files::UNLISTED {
        let new = crate::support::json!({"guild_id": yard.place("written.none").await.guild});
        yard.ada.post(&format!("/marketplace/files.{name}"), new).await.problem(404, "NOT_FOUND");
    }
});

/// A request to this plugin goes well: what fails beside it fails because of its fault.
async fn goes_well(yard: &Yard<'_>, plugin: &str) {
    let place = yard.place(plugin).await;
    yard.goes_well(plugin, async || {
        let answered = guest::ask(yard, &place).await;
        if answered == "204 " { Ok(()) } else { Err(format!("{answered} {:?}", yard.log(&place).await.first())) }
    })
    .await;
    yard.close(place).await;
}

/// A request to this plugin fails, for the reason that is expected; answers what is wrong about that.
async fn refused(yard: &Yard<'_>, plugin: &str, code: &str, says: &str) -> Option<String> {
    let place = yard.place(plugin).await;
    let answered = guest::ask(yard, &place).await;
    let (logged, said) = yard.failure(&place, "http-routes", 0).await;
    yard.close(place).await;
    yard.nobody_noticed(plugin).await;
    let right = answered == "502 PLUGIN_FAILED" && logged == code && said.contains(says);
    (!right).then(|| format!("{plugin}: {code} {says} is expected, and this is so: {answered}, {logged} {said}"))
}
