//! S1 and S2: what a delivery costs in a quiet and in a busy room, against bare broadcasters and against peers.

use anyhow::Result;

use crate::Bench;
use crate::contestant::Contestant;
use crate::dialect::Dialect;
use crate::figures::{highest, p99_microseconds};
use crate::floors::reference;
use crate::load::{Drive, FanOut, Fanned};
use crate::report::{Against, Row, Target, Unit};

const MEMBERS: usize = 200;

/// One kind of room, and what is asked of the server there.
struct Kind {
    scenario: &'static str,
    what: &'static str,
    senders: usize,
    in_flight: usize,
    /// Deliveries for each CPU second of the bare and of the durable floor, on the machine of the targets.
    references: [f64; 2],
    of_bare_floor: f64,
    tail_of_durable_floor: Target,
    of_node: f64,
}

/// One sender, who waits until everybody was told.
const QUIET: Kind = Kind {
    scenario: "S1",
    what: "quiet room",
    senders: 1,
    in_flight: 1,
    references: [reference::QUIET_PER_CPU_SECOND, reference::DURABLE_QUIET_PER_CPU_SECOND],
    of_bare_floor: 0.75,
    tail_of_durable_floor: Target::RatioAtMost(1.3),
    of_node: 1.3,
};

/// Four senders, each of whom has two messages under way.
const BUSY: Kind = Kind {
    scenario: "S2",
    what: "busy room",
    senders: 4,
    in_flight: 2,
    references: [reference::BUSY_PER_CPU_SECOND, reference::DURABLE_BUSY_PER_CPU_SECOND],
    of_bare_floor: 0.65,
    tail_of_durable_floor: Target::None,
    of_node: 6.0,
};

pub fn quiet(bench: &Bench) -> Result<Vec<Row>> {
    QUIET.measure(bench)
}

pub fn busy(bench: &Bench) -> Result<Vec<Row>> {
    BUSY.measure(bench)
}

/// The floors in both rooms, each set against what it was on the machine of the targets.
pub fn floors_alone(bench: &Bench) -> Result<Vec<Row>> {
    let floors = [Contestant::bare(bench)?, Contestant::durable(bench)?];
    let mut rows = Vec::new();
    for kind in [QUIET, BUSY] {
        for (floor, value) in floors.iter().zip(kind.references) {
            let load = |_| kind.load(bench, floor, Dialect::Native);
            let rounds = (0..bench.rounds).map(load).collect::<Result<Vec<_>>>()?;
            let against = Against { name: "its reference", value, reference: None };
            let what = format!("deliveries, {}", floor.name);
            rows.push(kind.row(&what, Unit::PerCpuSecond, thrift(&rounds), against, Target::None));
        }
    }
    Ok(rows)
}

impl Kind {
    fn measure(&self, bench: &Bench) -> Result<Vec<Row>> {
        let (bare, durable) = (Contestant::bare(bench)?, Contestant::durable(bench)?);
        let server = Contestant::server(bench, self.senders + MEMBERS)?;
        let peers = Contestant::peers(bench)?;
        let mut rounds = [(); 4].map(|()| Vec::new());
        let mut of_peers: Vec<_> = peers.iter().map(|_| Vec::new()).collect();
        for _ in 0..bench.rounds {
            rounds[0].push(self.load(bench, &bare, Dialect::Native)?);
            rounds[1].push(self.load(bench, &durable, Dialect::Native)?);
            rounds[2].push(self.load(bench, &server, Dialect::Native)?);
            rounds[3].push(self.load(bench, &server, Dialect::SocketIo)?);
            for (peer, rounds) in peers.iter().zip(&mut of_peers) {
                rounds.push(self.load(bench, peer, peer.dialect)?);
            }
        }
        let [bare, durable, native, socket_io] = rounds;
        let mut rows = self.rows_against_floors(&bare, &durable, &native);
        for (peer, theirs) in peers.iter().zip(of_peers) {
            rows.extend(self.rows_against_peer(peer.name, &theirs, &native, &socket_io));
        }
        Ok(rows)
    }

    fn load(&self, bench: &Bench, contestant: &Contestant, dialect: Dialect) -> Result<Fanned> {
        let what = format!("{}, {}", self.what, contestant.name);
        let mut room = contestant.room(&what, 0..self.senders, self.senders..self.senders + MEMBERS)?;
        room.dialect = dialect;
        FanOut::open(&room)?.measure(Drive::Closed { in_flight: self.in_flight }, bench.duration)
    }

    fn rows_against_floors(&self, bare: &[Fanned], durable: &[Fanned], native: &[Fanned]) -> Vec<Row> {
        let [bare_was, durable_was] = self.references;
        let against = |name, value, reference| Against { name, value, reference };
        let bare_thrift = against("bare floor", thrift(bare), Some(bare_was));
        let durable_thrift = against("durable floor", thrift(durable), Some(durable_was));
        let durable_rate = against("durable floor", rate(durable), None);
        let durable_tail = against("durable floor", tail(durable), None);
        let least = Target::RatioAtLeast(self.of_bare_floor);
        vec![
            self.row("deliveries", Unit::PerCpuSecond, thrift(native), bare_thrift, least),
            self.row("deliveries", Unit::PerCpuSecond, thrift(native), durable_thrift, Target::None),
            self.row("messages", Unit::PerSecond, rate(native), durable_rate, Target::None),
            self.row("last receiver, p99", Unit::Time, tail(native), durable_tail, self.tail_of_durable_floor),
        ]
    }

    fn rows_against_peer(
        &self,
        name: &'static str,
        theirs: &[Fanned],
        native: &[Fanned],
        socket_io: &[Fanned],
    ) -> Vec<Row> {
        let target = if name == "Node" { Target::RatioAtLeast(self.of_node) } else { Target::None };
        let against = |value| Against { name, value, reference: None };
        let row = |what, unit, ours, theirs, target| self.row(what, unit, ours, against(theirs), target);
        vec![
            row("deliveries", Unit::PerCpuSecond, thrift(native), thrift(theirs), target),
            row("deliveries, Socket.IO", Unit::PerCpuSecond, thrift(socket_io), thrift(theirs), Target::None),
            row("messages", Unit::PerSecond, rate(native), rate(theirs), Target::None),
            row("last receiver, p99", Unit::Time, tail(native), tail(theirs), Target::None),
        ]
    }

    fn row(&self, what: &str, unit: Unit, ours: f64, against: Against, target: Target) -> Row {
        let what = format!("{}, {MEMBERS} members, {what}", self.what);
        Row::Measured { scenario: self.scenario, what, unit, ours, against: Some(against), target }
    }
}

fn thrift(rounds: &[Fanned]) -> f64 {
    highest(rounds, |round| round.work.per_cpu_second())
}

fn rate(rounds: &[Fanned]) -> f64 {
    highest(rounds, Fanned::messages_per_second)
}

fn tail(rounds: &[Fanned]) -> f64 {
    p99_microseconds(rounds.iter().map(|round| &round.latencies.last))
}
