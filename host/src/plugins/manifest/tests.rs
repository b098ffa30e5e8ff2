//! Manifests as people write them, rightly and wrongly.

use super::*;

const HEAD: &str =
    "[plugin]\nid = 'guildhall.polls'\nname = 'Polls'\nversion = '1.4.0'\napi = '0.1'\nsummary = 'Asks.'\n";

const WHOLE: &str = "
categories = ['community', 'utilities']
homepage = 'https://example.com'
license = 'MIT'
openapi = 'openapi.json'

[[permissions]]
name = 'messages-write'
reason = 'To show polls'
channels = 'chosen'

[[permissions]]
name = 'members'
reason = 'To greet'
optional = true

[[hooks]]
name = 'filter-message'
on-failure = 'hold'
match = { min-length = 2, contains = ['poll'] }

[[hooks]]
name = 'interactions'

[[hooks]]
name = 'http-routes'

[[hooks]]
name = 'scheduled'

[[commands]]
name = 'poll'
description = 'Ask the channel a question'
options = [
    { name = 'question', kind = 'text', required = true, description = 'What to ask' },
    { name = 'method', kind = 'text', description = 'How people choose', choices = ['single', 'ranked'] },
]

[[commands]]
name = 'polls'
description = 'Looks after polls'
subcommands = [{ name = 'close', description = 'Closes one', options = [{ name = 'poll_id', kind = 'int', description = 'Which', autocomplete = true }] }]

[[routes]]
name = 'list'
method = 'GET'
path = '/polls'
guild = 'query:guild_id'
collection = true

[[routes]]
name = 'vote'
method = 'POST'
path = '/polls/{poll_id}/vote'
guild = 'resource:poll_id'

[[cron]]
name = 'nightly'
schedule = '0 3 * * *'

[config.days]
kind = 'int'
label = 'Days'
default = 7

[limits]
memory-mib = 8
filter = { cpu-ms = 2 }
";

#[test]
fn a_whole_manifest_is_read() {
    let manifest = Manifest::parse(&format!("{HEAD}{WHOLE}")).unwrap();
    let id = &manifest.plugin.id;
    assert_eq!((id.publisher(), id.name(), id.as_str()), ("guildhall", "polls", "guildhall.polls"));
    assert_eq!(manifest.required(), [Permission::MessagesWrite]);
    assert!(manifest.asked(Permission::Members).unwrap().optional && manifest.asked(Permission::Roles).is_none());
    let filter = manifest.hook(Hook::FilterMessage).unwrap();
    assert_eq!((filter.on_failure, filter.matches.as_ref().unwrap().matches("a Poll")), (OnFailure::Hold, true));
    assert!(manifest.hook(Hook::Lifecycle).is_none());
    let vote = &manifest.routes[1];
    assert_eq!(vote.path.read("/polls/7/vote"), Some(vec![("poll_id", "7")]));
    for other in ["/polls/7", "/polls//vote", "/polls/7/vote/", "polls/7/vote"] {
        assert_eq!(vote.path.read(other), None, "{other}");
    }
    assert_eq!(vote.guild.resource_kind(), Some("poll"));
    assert_eq!(manifest.limits.of(CallClass::Filter).cpu_ms, Some(2));
    assert_eq!(manifest.limits.of(CallClass::Event), Default::default());
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    for (text, expected) in [
        ("[plugin", "line 1"),
        ("[plugin]\nid = 'x'", "line 2: `publisher.name` is wanted"),
        (&format!("{HEAD}idd = 'x'"), "line 7: unknown field `idd`"),
        (&format!("{HEAD}name = 'x'"), "line 7: duplicate key"),
        (&HEAD.replace("1.4.0", "1.4"), "line 4"),
        (&format!("{HEAD}[[permissions]]\nname = 'fly'\nreason = 'x'"), "none of: messages-read"),
        (&format!("{HEAD}[[hooks]]\nname = 'on-message'\nmatch = {{ regex = ['('] }}"), "`regex[0]`"),
        (&format!("{HEAD}[[cron]]\nname = 'x'\nschedule = '* *'"), "five fields"),
    ] {
        let why = Manifest::parse(text).unwrap_err().to_string();
        assert!(why.contains(expected), "{expected:?} in {why:?}");
    }
}

#[test]
fn every_fault_is_told_with_its_place() {
    let wrong = HEAD.replace("'Polls'", "''").replace("'0.1'", "'9.1'")
        + "homepage = 'http://example.com'
        categories = ['fun', 'fun']
        [[permissions]]
        name = 'members'
        reason = ''
        channels = 'chosen'
        [[permissions]]
        name = 'members'
        reason = 'again'
        [[hooks]]
        name = 'on-message'
        on-failure = 'block'
        [[hooks]]
        name = 'on-voice'
        match = {}
        [[commands]]
        name = 'Poll'
        description = 'x'
        options = [
            { name = 'a', kind = 'flag', description = 'x', choices = [true] },
            { name = 'a', kind = 'text', description = 'x', required = true },
        ]
        [[routes]]
        name = 'a'
        method = 'GET'
        path = '/a/{b}'
        guild = 'body:guild_id'
        collection = true
        [[routes]]
        name = 'b'
        method = 'GET'
        path = '/a/{c}'
        guild = 'resource:poll_id'
        [[cron]]
        name = ''
        schedule = '* * * * *'
        [config.secret]
        kind = 'int'
        label = 'x'
        secret = true
        required = true
        default = 'x'
        min = 2
        max = 1
        [limits]
        memory-mib = 0
        [limits.event]
        wall-ms = 0";
    let why = Manifest::parse(&wrong).unwrap_err().to_string();
    for expected in [
        "plugin.name: 1 to 64",
        "plugin.api: this server offers 0.1.0",
        "plugin.homepage",
        "plugin.categories: fun is there twice",
        "permissions: members is there twice",
        "permissions[0].reason",
        "permissions[0].channels",
        "hooks[0].on-failure",
        "hooks[0]: on-message needs the permission messages-read",
        "hooks[1].match: on-voice gets no messages",
        "commands: they need the hook interactions",
        "commands[0].name",
        "commands[0].options: a is there twice",
        "commands[0].options: required ones come first",
        "commands[0].options[0].choices[0]",
        "routes: they need the hook http-routes",
        "routes: GET /a/{} is there twice",
        "routes[0].collection",
        "routes[0].guild: GET has no body",
        "routes[1].guild: the path has no `{poll_id}`",
        "cron: they need the hook scheduled",
        "cron[0].name",
        "config.secret: a secret is a text",
        "config.secret: `min` is at most `max`",
        "config.secret: what has a default",
        "config.secret: the default isn't allowed",
        "limits.memory-mib",
        "limits.event",
    ] {
        assert!(why.contains(expected), "{expected:?} in {why}");
    }
}

#[test]
fn ids_and_paths_are_strict() {
    for wrong in
        ["", "polls", "a.polls", "aa.b", "Guild.polls", "aa.bb.cc", "aa.", "aa.b_b", &format!("aa.{}", "b".repeat(33))]
    {
        assert!(wrong.parse::<PluginId>().is_err(), "{wrong}");
    }
    for wrong in
        ["", "polls", "/", "/a//b", "/A", "/a{b}", "/{a}/{a}", "/{a-b}", "/{}", "/a/b/c/d/e/f/g/h/i", "/a?b", "/.."]
    {
        assert!(paths::RoutePath::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
    for wrong in ["", "guild_id", "body:", "header:guild_id", "resource:poll", "resource:_id", "body:a.b"] {
        assert!(paths::GuildSource::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
}
