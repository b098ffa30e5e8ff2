//! Keeps what sessions see as the rows of the log say, row by row, and hands the rows out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;

use super::flush::flush;
use super::listener::{Listener, Visible, hidden};
use super::{Handle, Hub, Told, goes_with};
use crate::error::Result;
use crate::id::{ChannelId, GuildId, SessionId, StreamId, UserId};
use crate::log::{Entry, EventKind};
use crate::sockets::CloseCode;
use crate::sockets::backend::Backend;
use crate::sockets::event::{Event, Moment};
use crate::sockets::outbox::Out;
use crate::sockets::snapshot::Stream;

/// A part of a session's queue that is filled before sessions get a turn: one of so many.
const SHARE: usize = 8;

/// Sessions that see channels from now on, by channel.
type Gained = Vec<(ChannelId, Vec<Arc<Handle>>)>;

impl Hub {
    /// Hands rows of the log to those who listen, in order, and keeps what they see as the rows say.
    pub async fn publish<B: Backend>(&self, backend: &B, entries: &[Arc<Entry>]) {
        let told: Vec<Told> = entries.iter().cloned().map(Told::new).collect();
        let (mut rows_at_once, mut bytes_at_once) = (0, 0);
        let mut touched: Vec<Arc<Handle>> = Vec::new();
        let mut rest = &told[..];
        while let Some(first) = rest.first() {
            // Channels that come or go together do so for those who see them as soon as the first does.
            let together = rest.iter().take_while(|next| goes_with(&first.entry, &next.entry)).count().max(1);
            let (rows, later) = rest.split_at(together);
            rest = later;
            let kind = first.entry.kind;
            let before = matches!(kind, EventKind::ChannelDeleted | EventKind::GuildDeleted | EventKind::MemberLeft);
            if before {
                rows.iter().for_each(|row| self.deliver(row, &mut touched));
            }
            if kind.changes_access() {
                // What comes before needn't wait for what is read now.
                flush(std::mem::take(&mut touched)).await;
            }
            if let Err(error) = self.follow(backend, rows).await {
                tracing::warn!(%error, %kind, "what sockets see could not be brought up to date; they must come again");
                self.close_stream(first.entry.stream);
            }
            if !before {
                rows.iter().for_each(|row| self.deliver(row, &mut touched));
            }
            // Sessions get their turn before the share of a batch alone fills their queues.
            rows_at_once += rows.len();
            bytes_at_once += rows.iter().map(|row| row.event.size()).sum::<usize>();
            let (most_rows, most_bytes) = (self.settings.queue_frames / SHARE, self.settings.queue_bytes / SHARE);
            if rows_at_once >= most_rows || bytes_at_once >= most_bytes {
                (rows_at_once, bytes_at_once) = (0, 0);
                flush(std::mem::take(&mut touched)).await;
                tokio::task::yield_now().await;
            }
        }
        self.remember(told);
        self.published.notify_waiters();
        flush(touched).await;
    }

    fn remember(&self, told: Vec<Told>) {
        let mut tail = self.tail.lock();
        told.into_iter().for_each(|told| tail.add(told));
    }

    /// Changes who sees what, as rows of the log say that go together.
    async fn follow<B: Backend>(&self, backend: &B, rows: &[Told]) -> Result<()> {
        let Some(Told { entry, .. }) = rows.first() else { return Ok(()) };
        match entry.kind {
            EventKind::SessionRevoked => self.revoke(entry),
            EventKind::BlockAdded | EventKind::BlockRemoved => self.blocks_changed(backend, entry).await?,
            EventKind::MemberJoined => self.member_came(backend, entry).await?,
            EventKind::MemberLeft => {
                let user = subject(entry)?;
                let leaving = self.show_out(entry.stream, |listener| listener.handle.user == user)?;
                self.presences.lose(&leaving, entry.stream);
                self.presences.left(user, entry.stream);
            }
            EventKind::MemberUpdated => self.look_again(backend, rows, Some(subject(entry)?)).await?,
            EventKind::GuildDeleted => {
                let leaving = self.show_out(entry.stream, |_| true)?;
                self.presences.lose(&leaving, entry.stream);
            }
            EventKind::ChannelCreated | EventKind::ChannelUpdated
                if entry.channel == Some(ChannelId(entry.stream.0)) =>
            {
                self.recipients_changed(entry)?;
            }
            kind if kind.changes_access() => self.look_again(backend, rows, None).await?,
            _ => {}
        }
        Ok(())
    }

    /// Takes those out of a guild who are there no longer; answers them.
    fn show_out(&self, stream: StreamId, leaves: impl Fn(&Listener) -> bool) -> Result<Vec<Arc<Handle>>> {
        let mut state = self.state.write();
        let listeners = state.rooms.get(&stream).into_iter().flat_map(|room| room.listeners.values());
        listeners.filter(|one| leaves(one)).try_for_each(|one| one.tell_gone(GuildId(stream.0)))?;
        Ok(state.unlisten(stream, leaves))
    }

    fn revoke(&self, entry: &Entry) {
        #[derive(Deserialize)]
        struct Revoked {
            id: SessionId,
        }
        let Ok(revoked) = serde_json::from_str::<Revoked>(&entry.payload) else { return };
        for handle in self.handles_of(UserId(entry.stream.0)) {
            if handle.session == revoked.id {
                handle.outbox.close(CloseCode::Revoked);
            }
        }
    }

    /// Either of the two hears of the other's moments no longer, or again.
    async fn blocks_changed<B: Backend>(&self, backend: &B, entry: &Entry) -> Result<()> {
        #[derive(Deserialize)]
        struct Block {
            user_id: UserId,
        }
        let Block { user_id } = serde_json::from_str(&entry.payload)?;
        for user in [user_id, UserId(entry.stream.0)] {
            let handles = self.handles_of(user);
            if handles.is_empty() {
                continue;
            }
            let relations = backend.relations(user).await?;
            handles.iter().for_each(|handle| handle.set_blocked(&relations));
        }
        Ok(())
    }

    async fn member_came<B: Backend>(&self, backend: &B, entry: &Entry) -> Result<()> {
        let (user, guild) = (subject(entry)?, GuildId(entry.stream.0));
        let mut handles = self.handles_of(user);
        // Who listens already has found the membership by itself, and has a snapshot that holds this row.
        handles.retain(|handle| handle.wants_all.load(Ordering::Acquire) && !self.listens_whole(handle, entry.stream));
        if handles.is_empty() {
            return Ok(());
        }
        for handle in &handles {
            self.tune(backend, handle, guild, |interest| interest.whole = true).await?;
        }
        let snapshot = backend.snapshot(user, &[entry.stream]).await?;
        let at = |whole: &Stream| Event::at(Moment::GuildAvailable, entry.stream, entry.position, &whole.body);
        let event = snapshot.streams.first().map(at).transpose()?;
        for handle in &handles {
            if let Some(event) = &event {
                handle.outbox.push(Out::Event(event.clone()));
            }
            // The snapshot may be ahead of the row: what is hidden in it, or the guild itself if the user has
            // left it again, isn't told of any more.
            self.settle(backend, handle, &snapshot).await?;
        }
        Ok(())
    }

    fn recipients_changed(&self, entry: &Entry) -> Result<()> {
        #[derive(Deserialize)]
        struct Direct {
            recipients: Vec<UserId>,
        }
        let Direct { recipients } = serde_json::from_str(&entry.payload)?;
        let hidden = hidden(None, ChannelId(entry.stream.0), None)?;
        let mut state = self.state.write();
        let leaving = state.unlisten(entry.stream, |listener| !recipients.contains(&listener.handle.user));
        self.presences.lose(&leaving, entry.stream);
        for handle in leaving {
            self.presences.left(handle.user, entry.stream);
            handle.outbox.push(Out::Event(hidden.clone()));
        }
        let coming: Vec<Arc<Handle>> =
            recipients.iter().filter_map(|user| state.users.get(user)).flatten().cloned().collect();
        for handle in coming {
            state.listen(entry.stream, Listener::to_all(&handle));
            self.presences.watch(&handle, entry.stream, recipients.iter().copied());
        }
        Ok(())
    }

    /// Computes anew what those in a guild see, all of them or one; tells each what it lost and gained.
    async fn look_again<B: Backend>(&self, backend: &B, rows: &[Told], only: Option<UserId>) -> Result<()> {
        let Some(stream) = rows.first().map(|row| row.entry.stream) else { return Ok(()) };
        if !self.state.read().rooms.contains_key(&stream) {
            return Ok(());
        }
        let guild = GuildId(stream.0);
        let Some(rules) = backend.rules(guild).await? else { return Ok(()) };
        let fresh = match only {
            Some(user) => backend.member(&rules, user).await?,
            None => None,
        };
        let exceptions = rules.exceptions();
        let mut alike: HashMap<Vec<i64>, Arc<Visible>> = HashMap::new();
        let mut gained: Gained = Vec::new();
        {
            let mut state = self.state.write();
            let Some(room) = state.rooms.get_mut(&stream) else { return Ok(()) };
            for listener in room.listeners.values_mut() {
                if only.is_some_and(|user| user != listener.handle.user) {
                    continue;
                }
                // A session that has just been given a snapshot may know more than was read here.
                let Some(sight) = listener.sight.as_mut().filter(|sight| sight.version < rules.version) else {
                    continue;
                };
                if let Some(member) = &fresh {
                    sight.member = member.clone();
                }
                let before = sight.renew(&rules, &exceptions, &mut alike);
                for channel in listener.tell_hidden(guild, &before, rows)? {
                    match gained.iter_mut().find(|(one, _)| *one == channel) {
                        Some((_, handles)) => handles.push(listener.handle.clone()),
                        None => gained.push((channel, vec![listener.handle.clone()])),
                    }
                }
            }
        }
        self.tell_shown(backend, guild, gained, rules.version).await
    }

    /// Tells sessions of channels that they see from now on, by this version of the guild's rules: one body
    /// for all of them.
    pub(in crate::sockets) async fn tell_shown<B: Backend>(
        &self,
        backend: &B,
        guild: GuildId,
        gained: Gained,
        version: i64,
    ) -> Result<()> {
        for (channel, handles) in gained {
            // Gone again meanwhile: the row that says so comes later.
            let Some(body) = backend.shown(guild, channel).await? else { continue };
            let event = Event::by_rules(Moment::ChannelShown, Some((guild.into(), version)), body);
            for handle in handles {
                handle.outbox.push(Out::Event(event.clone()));
            }
        }
        Ok(())
    }

    fn close_stream(&self, stream: StreamId) {
        let state = self.state.read();
        for listener in state.rooms.get(&stream).into_iter().flat_map(|room| room.listeners.values()) {
            listener.handle.outbox.close(CloseCode::Unknown);
        }
    }
}

/// Whom a member's event is about.
pub(in crate::sockets) fn subject(entry: &Entry) -> Result<UserId> {
    #[derive(Deserialize)]
    struct About {
        user: Who,
    }
    #[derive(Deserialize)]
    struct Who {
        id: UserId,
    }
    Ok(serde_json::from_str::<About>(&entry.payload)?.user.id)
}
