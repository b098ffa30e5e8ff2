//! What comes of timers that plugins set.

use crate::plugin_story;
use crate::plugins_events::{all_told, counting, number, said, until};
use crate::plugins_installing::install;

plugin_story!(plugins_that_answer_each_other_by_timers_come_to_an_end, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    counting(&ada, &guild).await;
    install(&ada, &guild, "tests.parrot").await;
    let db = &app.app.db;

    // The counter says it again once its timer has rung, and the parrot at once.
    ada.say(&general, "later ping").await;

    let too_deep = "select count(*) from plugin_logs where code = 'DEPTH' and hook = 'on-message'";
    until("it ends", async || number(db, too_deep).await == 2).await;
    all_told(db).await;
    assert_eq!(number(db, "select count(*) from plugin_timers where id like 'later:%'").await, 0);
    let pings = said(&ada, &general).await.iter().filter(|text| *text == "later ping").count();
    assert_eq!(pings, 1 + 2 * 5, "no more than without timers");
});
