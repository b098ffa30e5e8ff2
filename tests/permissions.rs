//! Properties of permissions, over guilds, members and channels of every shape.

use std::collections::HashMap;

use guildhall::channels::{
    ChannelKind, ChannelRule, GuildRules, MemberRules, Overwrite, OverwriteKind, Permissions, RoleRule, Step,
    Verification, without_category,
};
use guildhall::clock::Timestamp;
use guildhall::id::{ChannelId, GuildId, RoleId, UserId};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const GUILD: GuildId = GuildId(1);
const OWNER: UserId = UserId(10);
const MEMBER: UserId = UserId(11);
const OTHER: UserId = UserId(12);
const ROLES: [i64; 4] = [100, 101, 102, 103];
const CATEGORY: ChannelId = ChannelId(1000);
const CHANNEL: ChannelId = ChannelId(1001);
const THREAD: ChannelId = ChannelId(1002);
const NOW: Timestamp = Timestamp(1_000_000);

/// A guild, one who is in it, and where they look.
#[derive(Debug, Clone)]
struct Case {
    guild: GuildRules,
    member: MemberRules,
    place: Option<ChannelId>,
}

/// Permissions that are often there and often not, with those that decide most among them.
fn permissions() -> impl Strategy<Value = Permissions> {
    let telling = [
        Permissions::VIEW_CHANNEL,
        Permissions::READ_HISTORY,
        Permissions::SEND_MESSAGES,
        Permissions::MANAGE_ROLES,
        Permissions::ADMINISTRATOR,
    ];
    let set = any::<i64>().prop_map(|bits| Permissions(bits) & Permissions::ALL & !Permissions::ADMINISTRATOR);
    (set, subsequence(telling.to_vec(), 0..=2)).prop_map(|(set, more)| more.into_iter().fold(set, |set, one| set | one))
}

fn overwrites() -> impl Strategy<Value = Vec<Overwrite>> {
    let targets: Vec<(i64, OverwriteKind)> = std::iter::once(GUILD.0)
        .chain(ROLES)
        .map(|role| (role, OverwriteKind::Role))
        .chain([OWNER, MEMBER, OTHER].map(|user| (user.0, OverwriteKind::Member)))
        .collect();
    let count = targets.len();
    let chosen = subsequence(targets, 0..=count).prop_shuffle();
    (chosen, prop::collection::vec((permissions(), permissions()), count)).prop_map(|(targets, sets)| {
        let pairs = targets.into_iter().zip(sets);
        pairs.map(|((target, kind), (allow, deny))| Overwrite { target, kind, allow, deny: deny & !allow }).collect()
    })
}

fn rule(kind: ChannelKind, parent: Option<ChannelId>, inherits: bool, overwrites: Vec<Overwrite>) -> ChannelRule {
    ChannelRule {
        kind,
        parent,
        inherits,
        slowmode_seconds: 0,
        archived: false,
        locked: false,
        owner: None,
        starter: None,
        user_limit: 0,
        overwrites,
    }
}

fn guild() -> impl Strategy<Value = GuildRules> {
    let roles = prop::collection::vec(permissions(), ROLES.len() + 1);
    (roles, overwrites(), overwrites(), any::<bool>(), any::<bool>()).prop_map(
        |(roles, outer, own, inside, inherits)| {
            let ids = std::iter::once(GUILD.0).chain(ROLES);
            let roles = ids.zip(roles).enumerate().map(|(place, (id, permissions))| {
                (RoleId(id), RoleRule { position: place as i64, permissions, mentionable: false })
            });
            let channels = HashMap::from([
                (CATEGORY, rule(ChannelKind::Category, None, true, outer)),
                (CHANNEL, rule(ChannelKind::Text, inside.then_some(CATEGORY), inherits, own)),
                (THREAD, rule(ChannelKind::Thread, Some(CHANNEL), true, Vec::new())),
            ]);
            let roles = roles.collect();
            GuildRules { id: GUILD, version: 1, owner: OWNER, verification: Verification::None, roles, channels }
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let roles = subsequence(ROLES.to_vec(), 0..=ROLES.len()).prop_shuffle();
    let until = select(vec![None, None, Some(NOW), Some(Timestamp(NOW.0 + 1)), Some(Timestamp(NOW.0 - 1))]);
    let place = select(vec![None, Some(CATEGORY), Some(CHANNEL), Some(THREAD)]);
    let user = select(vec![OWNER, MEMBER, MEMBER, MEMBER]);
    (guild(), user, roles, until, place).prop_map(|(guild, user, roles, timed_out_until, place)| {
        let roles = roles.into_iter().map(RoleId).collect();
        Case { guild, member: MemberRules { user, roles, timed_out_until }, place }
    })
}

impl Case {
    fn resolved(&self) -> Permissions {
        self.guild.resolve(&self.member, self.place, NOW)
    }

    fn base(&self) -> Permissions {
        let roles = self.member.roles.iter().chain(std::iter::once(&RoleId(GUILD.0)));
        roles.fold(Permissions::NONE, |base, role| base | self.guild.roles[role].permissions)
    }

    fn is_timed_out(&self) -> bool {
        self.member.timed_out_until.is_some_and(|until| until > NOW)
    }
}

/// The rules as the documentation words them, one permission at a time, the slow way.
fn reference(case: &Case) -> Permissions {
    let holds = |one: Permissions| -> bool {
        let mut held = case.base().contains(one);
        if case.base().contains(Permissions::ADMINISTRATOR) {
            return true;
        }
        let Some(place) = case.place else { return held };
        let channel = if place == THREAD { CHANNEL } else { place };
        let rule = &case.guild.channels[&channel];
        let outer = rule.parent.filter(|_| rule.inherits).map(|parent| &case.guild.channels[&parent]);
        for level in outer.into_iter().chain([rule]) {
            let of = |applies: &dyn Fn(&&Overwrite) -> bool| -> Vec<Overwrite> {
                level.overwrites.iter().filter(applies).copied().collect()
            };
            let role = |target: i64| case.member.roles.contains(&RoleId(target));
            for step in [
                of(&|one| one.target == GUILD.0),
                of(&|one| one.kind == OverwriteKind::Role && role(one.target)),
                of(&|one| one.kind == OverwriteKind::Member && one.target == case.member.user.0),
            ] {
                if step.iter().any(|overwrite| overwrite.deny.contains(one)) {
                    held = false;
                }
                if step.iter().any(|overwrite| overwrite.allow.contains(one)) {
                    held = true;
                }
            }
        }
        held
    };
    if case.member.user == OWNER {
        return Permissions::ALL;
    }
    if case.place.is_some() && !holds(Permissions::VIEW_CHANNEL) {
        return Permissions::NONE;
    }
    Permissions::NAMED
        .iter()
        .map(|(_, one)| *one)
        .filter(|one| !case.is_timed_out() || [Permissions::VIEW_CHANNEL, Permissions::READ_HISTORY].contains(one))
        .filter(|one| holds(*one))
        .fold(Permissions::NONE, |set, one| set | one)
}

/// What the steps of an explanation come to, for somebody who follows them with a pencil.
fn replay(steps: &[Step]) -> Permissions {
    let set = |names: &[&str]| {
        names.iter().filter_map(|name| Permissions::named(name)).fold(Permissions::NONE, |set, one| set | one)
    };
    steps.iter().fold(Permissions::NONE, |held, step| held & !set(&step.denied) | set(&step.allowed))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rule_is_the_one_that_is_written_down(case in case()) {
        prop_assert_eq!(case.resolved().names(), reference(&case).names());
    }

    #[test]
    fn the_owner_is_never_locked_out(case in case()) {
        let owner = MemberRules { user: OWNER, ..case.member.clone() };
        prop_assert_eq!(case.guild.resolve(&owner, case.place, NOW), Permissions::ALL);
    }

    #[test]
    fn an_administrator_is_one_whatever_overwrites_say(case in case()) {
        let mut case = case;
        case.guild.roles.get_mut(&RoleId(GUILD.0)).unwrap().permissions |= Permissions::ADMINISTRATOR;
        let expected = if case.is_timed_out() && case.member.user != OWNER { Permissions::TIMED_OUT } else { Permissions::ALL };
        prop_assert_eq!(case.resolved(), expected);
    }

    #[test]
    fn the_order_in_which_things_came_makes_no_difference(case in case(), turn in 0..8_usize) {
        let mut turned = case.clone();
        turned.member.roles.reverse();
        for channel in turned.guild.channels.values_mut() {
            let count = channel.overwrites.len();
            channel.overwrites.rotate_left(if count == 0 { 0 } else { turn % count });
            channel.overwrites.reverse();
        }
        turned.guild.roles = turned.guild.roles.into_iter().collect::<Vec<_>>().into_iter().rev().collect();
        prop_assert_eq!(turned.resolved(), case.resolved());
    }

    #[test]
    fn who_does_not_see_a_channel_may_do_nothing_there(case in case()) {
        if case.place.is_some() && !case.resolved().contains(Permissions::VIEW_CHANNEL) {
            prop_assert_eq!(case.resolved(), Permissions::NONE);
        }
    }

    #[test]
    fn who_is_timed_out_reads_at_most(case in case()) {
        if case.is_timed_out() && case.member.user != OWNER {
            prop_assert!(Permissions::TIMED_OUT.contains(case.resolved()));
        }
        let free = Case { member: MemberRules { timed_out_until: None, ..case.member.clone() }, ..case.clone() };
        prop_assert!(free.resolved().contains(case.resolved()), "a timeout gives nothing");
    }

    #[test]
    fn an_explanation_comes_to_what_it_explains(case in case()) {
        let (explained, steps) = case.guild.explain(&case.member, case.place, NOW);
        prop_assert_eq!(explained, case.resolved());
        prop_assert_eq!(replay(&steps), explained);
    }

    #[test]
    fn a_thread_gives_what_its_channel_gives(case in case()) {
        let inside = |place| case.guild.resolve(&case.member, Some(place), NOW);
        prop_assert_eq!(inside(THREAD), inside(CHANNEL));
    }

    #[test]
    fn members_who_look_alike_see_alike(case in case()) {
        let other = MemberRules { user: OTHER, ..case.member.clone() };
        let exceptions = case.guild.exceptions();
        let alike = |member| case.guild.alike(&exceptions, member);
        if let (Some(one), Some(two)) = (alike(&case.member), alike(&other)) {
            prop_assert_eq!(one, two);
            prop_assert_eq!(case.guild.resolve(&other, case.place, NOW), case.resolved());
        }
    }

    #[test]
    fn a_channel_without_its_category_gives_nobody_more(case in case()) {
        let mut case = case;
        let (outer, own) = (&case.guild.channels[&CATEGORY].overwrites, &case.guild.channels[&CHANNEL].overwrites);
        let alone = rule(ChannelKind::Text, None, true, without_category(outer, own));
        let inside = rule(ChannelKind::Text, Some(CATEGORY), true, own.clone());
        prop_assert!(alone.overwrites.iter().all(|one| one.allow & one.deny == Permissions::NONE));
        case.guild.channels.insert(CHANNEL, inside);
        let before = case.guild.resolve(&case.member, Some(CHANNEL), NOW);
        case.guild.channels.insert(CHANNEL, alone);
        let after = case.guild.resolve(&case.member, Some(CHANNEL), NOW);
        prop_assert!(before.contains(after), "{:?} more", (after & !before).names());
    }
}
