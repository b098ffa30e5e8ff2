//! The names of commands.

use crate::closed_set;

closed_set! {
    /// Everything that a client may ask for over a socket.
    pub enum CommandName {
        /// Receive what happens in a room.
        JoinRoom = "join_room",
        /// Receive it no longer; leaving a channel mutes it, even inside a guild that was joined.
        LeaveRoom = "leave_room",
        /// Send a message.
        SendMessage = "send_message",
        /// Give a command of a plugin, use its buttons and lists, or send its forms.
        Interact = "interact",
        /// Say that one types.
        Typing = "typing",
        /// Say that one types no longer.
        StopTyping = "stop_typing",
        /// Read members of a guild in pages, with their presence; from here on the session hears of it.
        RequestMembers = "request_members",
        /// Say how busy one is: `online`, `idle`, `dnd` or `invisible`.
        SetPresence = "set_presence",
        /// Come into a voice channel, out of the one that one was in.
        JoinVoice = "join_voice",
        /// Leave it; nothing happens to whoever isn't in it.
        LeaveVoice = "leave_voice",
        /// Change how one takes part in it.
        VoiceState = "voice_state",
    }
}

impl CommandName {
    /// Whether it tells of a moment: such commands have an allowance of their own.
    pub fn is_momentary(self) -> bool {
        matches!(self, CommandName::Typing | CommandName::StopTyping | CommandName::VoiceState)
    }
}
