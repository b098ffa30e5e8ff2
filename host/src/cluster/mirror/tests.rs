//! Mirrors over networks that lose, double, delay and reorder.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

use super::*;
use crate::cluster::bus::{Arrivals, Bus, Message};
use crate::cluster::channel::Network;
use crate::id::UserId;
use crate::sockets::presence::Status;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn node(id: u16) -> Node {
    Node { id, incarnation: i64::from(id) * 7 }
}

/// Two mirrors that hear each other at once.
fn exchange(one: &mut Mirror<u32, char>, other: &mut Mirror<u32, char>, now: Duration) {
    for said in one.tick(now).publish {
        other.receive(said, now);
    }
    for said in other.tick(now).publish {
        one.receive(said, now);
    }
}

/// The values that nodes give a key: the mirror's own node first.
fn values<K: Ord + Clone, V: Copy + PartialEq>(mirror: &Mirror<K, V>, key: K) -> Vec<V> {
    mirror.entries.get(&key).into_iter().chain(mirror.elsewhere(&key)).copied().collect()
}

fn seen(mirror: &Mirror<u32, char>, key: u32) -> String {
    values(mirror, key).into_iter().collect()
}

#[test]
fn what_one_sets_the_other_sees_until_it_is_removed() {
    let (mut one, mut other) = (Mirror::new(node(1)), Mirror::new(node(2)));
    one.set(7, 'a');
    assert_eq!(seen(&one, 7), "a");
    exchange(&mut one, &mut other, MS(0));
    assert_eq!(seen(&other, 7), "a");
    other.set(7, 'b');
    exchange(&mut one, &mut other, MS(100));
    exchange(&mut one, &mut other, MS(200));
    assert_eq!((seen(&one, 7).as_str(), seen(&other, 7).as_str()), ("ab", "ba"));
    one.remove(&7);
    exchange(&mut one, &mut other, MS(300));
    assert_eq!((seen(&one, 7).as_str(), seen(&other, 7).as_str()), ("b", "b"));
}

#[test]
fn a_lost_delta_is_noticed_by_the_beat_and_mended_by_the_whole() {
    let (mut one, mut other) = (Mirror::new(node(1)), Mirror::new(node(2)));
    exchange(&mut one, &mut other, MS(0));
    exchange(&mut one, &mut other, MS(10));
    one.set(1, 'a');
    drop(one.tick(MS(100)));
    let beat = one.tick(MS(2_100)).publish;
    assert_eq!(beat, [Said::Beat { node: node(1), seq: 1 }]);
    for said in beat {
        assert!(other.receive(said, MS(2_100)).is_empty());
    }
    let asked = other.tick(MS(2_100)).publish;
    assert!(asked.contains(&Said::Ask { of: Some(node(1)) }));
    assert!(!other.tick(MS(2_200)).publish.contains(&Said::Ask { of: Some(node(1)) }), "it waits for the answer");
    for said in asked {
        one.receive(said, MS(2_200));
    }
    for said in one.tick(MS(2_200)).publish {
        assert_eq!(other.receive(said, MS(2_200)), BTreeSet::from([1]));
    }
    assert_eq!(seen(&other, 1), "a");
}

#[test]
fn deltas_out_of_order_and_doubled_are_put_in_order() {
    let (mut one, mut other) = (Mirror::new(node(1)), Mirror::new(node(2)));
    let mut said = Vec::new();
    for (at, value) in ['a', 'b', 'c'].into_iter().enumerate() {
        one.set(1, value);
        let publish = one.tick(MS(at as u64)).publish;
        said.extend(publish.into_iter().filter(|said| matches!(said, Said::Delta { .. })));
    }
    let mut hear = |at: usize| other.receive(said[at].clone(), MS(10)).len();
    assert_eq!((hear(2), hear(0), hear(0), hear(1), hear(2), hear(0)), (0, 1, 0, 1, 0, 0));
    assert_eq!(seen(&other, 1), "c");
}

#[test]
fn who_is_silent_is_dropped_and_who_says_farewell_at_once() {
    let (mut one, mut other) = (Mirror::new(node(1)), Mirror::new(node(2)));
    one.set(1, 'a');
    exchange(&mut one, &mut other, MS(0));
    assert_eq!(other.tick(MS(7_999)).changed, BTreeSet::new());
    assert_eq!(other.tick(MS(8_000)).changed, BTreeSet::from([1]));
    assert_eq!((seen(&other, 1).as_str(), other.nodes().count()), ("", 0));
    // It was only cut off: its next beat brings it back.
    for round in 0..3 {
        exchange(&mut one, &mut other, MS(9_000 + round * 100));
    }
    assert_eq!(seen(&other, 1), "a");
    assert_eq!(other.receive(one.farewell(), MS(9_500)), BTreeSet::from([1]));
    assert_eq!(seen(&other, 1), "");
}

#[test]
fn a_new_number_takes_the_entries_along() {
    let (mut one, mut other) = (Mirror::new(node(1)), Mirror::new(node(2)));
    one.set(1, 'a');
    exchange(&mut one, &mut other, MS(0));
    one.rename(node(3));
    for round in 1..100 {
        exchange(&mut one, &mut other, MS(round * 100));
    }
    assert_eq!((seen(&other, 1).as_str(), other.nodes().collect::<Vec<_>>()), ("a", vec![node(3)]));
}

#[test]
fn many_entries_travel_in_parts() {
    let (mut one, mut late) = (Mirror::new(node(1)), Mirror::new(node(2)));
    (0..4_500).for_each(|key| one.set(key, 'a'));
    assert!(one.tick(MS(0)).publish.iter().filter(|said| matches!(said, Said::Delta { .. })).count() == 3);
    for said in late.tick(MS(10)).publish {
        one.receive(said, MS(10));
    }
    let mut parts: Vec<_> = one.tick(MS(20)).publish.into_iter().collect();
    parts.reverse();
    let changed: Vec<usize> = parts.into_iter().map(|part| late.receive(part, MS(20)).len()).collect();
    assert_eq!(changed, [0, 0, 4_500], "all at once, with the last part");
}

/// A node of a simulation.
struct End {
    mirror: Mirror<UserId, Status>,
    bus: Bus,
    arrivals: Arrivals,
    alive: bool,
}

impl End {
    fn join(network: &Network, id: u16) -> End {
        let (bus, arrivals) = network.join();
        End { mirror: Mirror::new(node(id)), bus, arrivals, alive: true }
    }

    async fn step(&mut self, now: Duration) {
        if !self.alive {
            return;
        }
        while let Ok(message) = tokio::time::timeout(Duration::ZERO, self.arrivals.next()).await {
            if let Some(Message::Presence(said)) = message {
                self.mirror.receive(said, now);
            }
        }
        for said in self.mirror.tick(now).publish {
            self.bus.publish(Message::Presence(said));
        }
    }
}

/// Everything of a mirror: whoever is present, as each living node says it.
fn told(ends: &[End], at: usize) -> Vec<(i64, Vec<Status>)> {
    let all = |user: i64| {
        let mut values: Vec<Status> = values(&ends[at].mirror, UserId(user));
        values.sort_by_key(|status| status.as_str());
        (user, values)
    };
    (1..=20).map(all).collect()
}

fn truth(ends: &[End]) -> Vec<(i64, Vec<Status>)> {
    let of = |user: i64| {
        let living = ends.iter().filter(|end| end.alive);
        let mut values: Vec<Status> = living.filter_map(|end| end.mirror.entries.get(&UserId(user)).copied()).collect();
        values.sort_by_key(|status| status.as_str());
        (user, values)
    };
    (1..=20).map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn mirrors_agree_in_the_end_whatever_the_network_does() {
    let extra: u64 = rand::random();
    for seed in (1..40).chain([extra]) {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut fates = StdRng::seed_from_u64(seed + 1);
        let network = Network::new(move |_| {
            let copies = [0, 0, 1, 1, 1, 1, 1, 1, 2, 3][fates.random_range(0..10)];
            (0..copies)
                .map(|_| {
                    MS(if fates.random_bool(0.1) { fates.random_range(0..15_000) } else { fates.random_range(0..300) })
                })
                .collect()
        });
        tokio::spawn(network.clone().run());
        let mut ends: Vec<End> = (1..=3).map(|id| End::join(&network, id)).collect();
        let start = Instant::now();
        for round in 0..400 {
            for end in ends.iter_mut().filter(|_| round < 300) {
                let user = UserId(random.random_range(1..=20));
                match random.random_range(0..8) {
                    0 => end.mirror.remove(&user),
                    1..=3 => end.mirror.set(user, Status::ALL[random.random_range(0..4)]),
                    _ => {}
                }
            }
            if round == 150 {
                ends.push(End::join(&network, 4));
            }
            if round == 200 {
                ends[0].alive = false;
            }
            if round == 220 {
                let renamed = Node { id: 9, incarnation: 1 };
                ends[1].mirror.rename(renamed);
            }
            if round == 300 {
                network.decide(|_| vec![MS(5)]);
            }
            for end in &mut ends {
                end.step(start.elapsed()).await;
            }
            // What is late by fifteen seconds must be over, and the dead dropped.
            tokio::time::sleep(if round < 300 { MS(100) } else { MS(400) }).await;
        }
        for at in (0..ends.len()).filter(|at| ends[*at].alive) {
            assert_eq!(told(&ends, at), truth(&ends), "seed {seed}, node {at}");
        }
    }
}
