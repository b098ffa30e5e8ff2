//! The fan-out load: a few who send and many who are told, all on one epoll, each message followed to its last reader.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mio::{Events, Poll, Token};

use super::exchange::Texts;
use super::member::{Heard, Member};
use super::room::Room;
use super::tally::{Latencies, Tally};
use super::timer::Timer;
use crate::dialect::Subscribe;
use crate::figures::Work;
use crate::process::own_cpu;
use crate::session::Session;

/// Without any news for so long, a load is taken to be stuck.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often heartbeats are seen to, and for how long a delivery too many is waited for in the end.
const TURN: Duration = Duration::from_millis(100);
const TIMER: Token = Token(usize::MAX);

/// When the next message goes out.
#[derive(Clone, Copy)]
pub enum Drive {
    /// When every member has been told the last one; each sender keeps so many under way.
    Closed { in_flight: usize },
    /// So many times a second, the senders taking turns, whatever has become of the earlier ones.
    Paced { per_second: f64 },
    /// Never: the members are only there.
    Silent,
}

/// What a fan-out load has measured. Its work is counted in deliveries.
pub struct Fanned {
    pub messages: u64,
    pub work: Work,
    pub latencies: Latencies,
    /// The positions of every message since the load began, in order.
    pub positions: Vec<u64>,
    /// Bytes that the program holds resident with all members there.
    pub resident: u64,
    /// The most that it held since its start.
    pub peak_resident: u64,
}

impl Fanned {
    pub fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.work.elapsed.as_secs_f64()
    }
}

/// A room full of people.
pub struct FanOut<'r> {
    room: &'r Room<'r>,
    poll: Poll,
    members: Vec<Member>,
    senders: Vec<Sender>,
    tally: Tally,
    acknowledged: usize,
    rows_before: Option<u64>,
    frame: Vec<u8>,
    /// Sessions that nobody reads from.
    deaf: Vec<Session>,
}

struct Sender {
    member: Member,
    texts: Texts,
}

impl<'r> FanOut<'r> {
    /// Opens every session: the senders' hear nothing but their acknowledgements.
    pub fn open(room: &'r Room<'r>) -> Result<FanOut<'r>> {
        let rows_before = room.kept.count()?;
        let poll = Poll::new()?;
        let mut members = Vec::new();
        for token in room.listeners {
            let session = Session::open(room.address, room.dialect, token, Subscribe::All)?;
            let mut member = Member::join(session, poll.registry(), Token(members.len()))?;
            member.stagger(members.len() as f64 / room.listeners.len() as f64);
            members.push(member);
        }
        let mut senders = Vec::new();
        for token in room.senders {
            let session = Session::open(room.address, room.dialect, token, Subscribe::None)?;
            let member = Member::join(session, poll.registry(), Token(members.len() + senders.len()))?;
            senders.push(Sender { member, texts: Texts::of(senders.len()) });
        }
        let deaf = room.deaf.iter().map(|token| open_deaf(room, token)).collect::<Result<_>>()?;
        let tally = Tally::new(senders.len(), members.len())?;
        let frame = Vec::new();
        Ok(FanOut { room, poll, members, senders, tally, acknowledged: 0, rows_before, frame, deaf })
    }

    /// Warms the room up, loads it for `duration`, and tells what that cost. Afterwards it sees that sent =
    /// acknowledged = rows in the database, and that every member was told every message once.
    pub fn measure(mut self, drive: Drive, duration: Duration) -> Result<Fanned> {
        let process = self.room.process;
        self.run(drive, duration / 5)?;
        self.tally.latencies = Latencies::none()?;
        let (cpu, own) = (process.cpu()?, own_cpu()?);
        let (told, start) = (self.tally.count_told(), Instant::now());
        self.run(drive, duration)?;
        let (elapsed, cpu) = (start.elapsed(), process.cpu()? - cpu);
        let messages = (self.tally.count_told() - told) as u64;
        let work = Work { done: messages * self.members.len() as u64, elapsed, cpu };
        let (resident, peak_resident) = (process.resident()?, process.peak_resident()?);
        let latencies = self.settle()?;
        let positions = self.tally.positions().to_vec();
        let fanned = Fanned { messages, work, latencies, positions, resident, peak_resident };
        if messages > 0 {
            fanned.show(self.room.what, own_cpu()? - own);
        }
        if !self.deaf.is_empty() {
            let (there, shown_out) = (self.deaf.len(), self.deaf.iter().filter(|deaf| is_shown_out(deaf)).count());
            eprintln!("    of {there} sockets that never read {shown_out} were shown out");
        }
        Ok(fanned)
    }

    /// Drives the room for `duration`, and then on until every member has been told everything.
    fn run(&mut self, drive: Drive, duration: Duration) -> Result<()> {
        let start = Instant::now();
        let end = start + duration;
        let mut pace = Pace::start(drive, start, &self.poll)?;
        if let Drive::Closed { in_flight } = drive {
            for sender in (0..self.senders.len()).cycle().take(self.senders.len() * in_flight) {
                self.send(sender, Instant::now())?;
            }
        }
        let mut events = Events::with_capacity(1024);
        let (mut last_news, mut last_turn) = (start, start);
        while self.is_under_way() || Instant::now() < end {
            self.poll.poll(&mut events, Some(TURN.min(duration)))?;
            let now = Instant::now();
            for event in &events {
                match (event.token(), &mut pace) {
                    (TIMER, Some(pace)) => {
                        for due in pace.due(now, end)? {
                            self.send(pace.turn(self.senders.len()), due)?;
                        }
                    }
                    (Token(index), _) => self.hear(index, matches!(drive, Drive::Closed { .. }).then_some(end))?,
                }
            }
            last_news = if events.is_empty() { last_news } else { now };
            ensure!(
                !self.is_under_way() || now < last_news + PATIENCE,
                "{} messages were sent, and everybody was told {}",
                self.tally.count_sent(),
                self.tally.count_told()
            );
            if now > last_turn + TURN {
                last_turn = now;
                self.show_life(now)?;
            }
        }
        Ok(())
    }

    fn is_under_way(&self) -> bool {
        let sent = self.tally.count_sent();
        self.tally.count_told() < sent || self.acknowledged < sent
    }

    fn send(&mut self, sender: usize, due: Instant) -> Result<()> {
        let Sender { member, texts } = &mut self.senders[sender];
        let text = texts.next();
        self.frame.clear();
        self.room.dialect.push_message(&mut self.frame, texts.number(), self.room.channel_id, &text);
        self.tally.sent(sender, due);
        member.send(&self.frame)
    }

    /// Hears what has come for one session. In a closed loop, whoever's message is through by then sends the next.
    fn hear(&mut self, index: usize, send_until: Option<Instant>) -> Result<()> {
        let FanOut { members, senders, tally, acknowledged, .. } = self;
        let mut through = Vec::new();
        let mut now = None;
        match members.get_mut(index) {
            Some(member) => member.receive(|heard| {
                if let Heard::Message(position, message) = heard {
                    let now = *now.get_or_insert_with(Instant::now);
                    through.extend(tally.hear(index, position, message, now)?);
                }
                Ok(())
            })?,
            None => senders[index - members.len()].member.receive(|heard| {
                *acknowledged += usize::from(matches!(heard, Heard::Done));
                Ok(())
            })?,
        }
        for sender in through {
            let now = Instant::now();
            if send_until.is_some_and(|end| now < end) {
                self.send(sender, now)?;
            }
        }
        Ok(())
    }

    fn show_life(&mut self, now: Instant) -> Result<()> {
        let senders = self.senders.iter_mut().map(|sender| &mut sender.member);
        self.members.iter_mut().chain(senders).try_for_each(|member| member.show_life(now, &mut self.frame))
    }

    /// Waits for what should not come, and compares with the database.
    fn settle(&mut self) -> Result<Latencies> {
        let latencies = std::mem::replace(&mut self.tally.latencies, Latencies::none()?);
        self.run(Drive::Silent, TURN)?;
        let (sent, told) = (self.tally.count_sent(), self.tally.positions().len());
        ensure!(sent == told && sent == self.acknowledged, "{sent} messages were sent and {told} delivered");
        let rows_after = self.room.kept.count()?;
        if let (Some(before), Some(after)) = (self.rows_before, rows_after) {
            let rows = after - before;
            ensure!(rows == sent as u64, "{sent} messages were acknowledged and {rows} are in the database");
        }
        Ok(latencies)
    }
}

impl Fanned {
    fn show(&self, what: &str, own: Duration) {
        let Work { done, cpu, .. } = self.work;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / done as f64;
        eprintln!(
            "  {what}: {:.0} messages a second, processor time {:.2} µs a delivery, and {:.2} µs of the load \
             generator's; the last reader after {:.2} ms at p99",
            self.messages_per_second(),
            each(cpu),
            each(own),
            self.latencies.last.value_at_quantile(0.99) as f64 / 1e6,
        );
    }
}

/// A session whose kernel takes little on its behalf, so that what nobody reads soon waits at the server.
fn open_deaf(room: &Room<'_>, token: &str) -> Result<Session> {
    let session = Session::open(room.address, room.dialect, token, Subscribe::All)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&session.stream, 4096)?;
    Ok(session)
}

/// Reads at last what has come, to see whether it ends.
fn is_shown_out(session: &Session) -> bool {
    let patience = session.stream.set_read_timeout(Some(Duration::from_secs(1)));
    patience.is_ok() && std::io::copy(&mut &session.stream, &mut std::io::sink()).is_ok()
}

/// The fixed times of a paced load.
struct Pace {
    timer: Timer,
    interval: Duration,
    next: Instant,
    sent: usize,
}

impl Pace {
    fn start(drive: Drive, start: Instant, poll: &Poll) -> Result<Option<Pace>> {
        let Drive::Paced { per_second } = drive else {
            return Ok(None);
        };
        let interval = Duration::from_secs_f64(1.0 / per_second);
        let timer = Timer::every(interval, poll.registry(), TIMER)?;
        Ok(Some(Pace { timer, interval, next: start + interval, sent: 0 }))
    }

    /// The times before `end` that have come.
    fn due(&mut self, now: Instant, end: Instant) -> Result<Vec<Instant>> {
        self.timer.clear()?;
        let mut due = Vec::new();
        while self.next <= now && self.next < end {
            due.push(self.next);
            self.next += self.interval;
        }
        Ok(due)
    }

    /// Whose turn it is.
    fn turn(&mut self, senders: usize) -> usize {
        self.sent += 1;
        self.sent % senders
    }
}
