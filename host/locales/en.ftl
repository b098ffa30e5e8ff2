### Messages to people in English. The other languages follow this file: the same names, the same values.
### Every word of `Code` has a title and a `.detail`; every word of `FieldCode` has a message `FIELD_<word>`.

## Refusals

MALFORMED_BODY = Unreadable request
    .detail = The body of the request isn’t valid JSON, or isn’t what its content type says.
INVALID_QUERY = Invalid query
    .detail = A query parameter is unknown, repeated, of the wrong form, or excludes another one.
INVALID_FIELDS = Some fields aren’t valid
    .detail = Check the note on each field, then try again.
BODY_TOO_LARGE = Too large
    .detail = This is more than can be accepted here; send less at once, or a smaller file.
UNSUPPORTED_MEDIA_TYPE = Unsupported content type
    .detail = Content of this type isn’t accepted here; most requests are sent as application/json.
UNAUTHENTICATED = Not signed in
    .detail = Sign in, or sign in again if your session has ended.
BAD_CREDENTIALS = Sign-in failed
    .detail = Check your user name and password, and the code if you use a second factor.
SECOND_FACTOR_REQUIRED = Second factor required
    .detail = Enter the current code from your authenticator app to finish signing in.
ACCOUNT_DISABLED = Account disabled
    .detail = An administrator of this server has disabled this account; contact them if you think it’s a mistake.
TOKEN_EXPIRED = No longer valid
    .detail = This link, code or session has expired or was already used; ask for a new one, or sign in again.
REGISTRATION_CLOSED = Registration is closed
    .detail = This server takes no new accounts, or only those with a valid invitation.
USERNAME_TAKEN = User name taken
    .detail = This user name, or one that looks much like it, is already in use; choose another.
EMAIL_TAKEN = E-mail address taken
    .detail = This e-mail address belongs to another account; use a different one, or sign in to that account.
MAIL_UNAVAILABLE = E-mail isn’t available
    .detail = This server isn’t set up to send e-mail; ask its administrators for help.
NOT_FOUND = Not found
    .detail = This doesn’t exist, or you don’t have access to it.
METHOD_NOT_ALLOWED = Method not allowed
    .detail = This address exists, but doesn’t support the HTTP method of the request.
FORBIDDEN = Not allowed
    .detail = Your account isn’t allowed to do this; someone with more rights may be able to help.
# $permission: the permission’s name, such as MANAGE_ROLES.
MISSING_PERMISSION = Missing permission
    .detail = You need the permission { $permission } to do this.
MESSAGE_BLOCKED = Message refused
    .detail = { $reason } (rule { $rule } of { $plugin })
MESSAGE_HELD = Message waits for a moderator
    .detail = { $reason } (rule { $rule } of { $plugin })
PLUGIN_REFUSED = Refused by the plugin
    .detail = The plugin refuses this by a rule of its own.
PLUGIN_NOT_INSTALLED = Plugin not installed
    .detail = This guild has not installed the plugin, or has switched it off.
PLUGIN_FAILED = Plugin failed
    .detail = The plugin could not do this. Those who manage it can see why.
ROLE_TOO_HIGH = Role too high
    .detail = Your highest role must stand above the role or the member that you want to act on.
OWNER_PROTECTED = Owner is protected
    .detail = The owner of a guild can’t leave it, and other members can neither remove nor restrict them.
TIMED_OUT = Timed out
    .detail = You can read in this guild, but not take part until your timeout ends.
BANNED = Banned
    .detail = You are banned from this guild, so you can’t join it or take part in it.
BLOCKED = Contact blocked
    .detail = You and this person can’t contact each other, because one of you has blocked the other.
VERIFICATION_REQUIRED = Verification required
    .detail = This guild asks for more before you can join or write here, such as a confirmed e-mail address.
WRONG_CHANNEL_KIND = Wrong kind of channel
    .detail = This can’t be done in a channel of this kind; choose another channel.
THREAD_LOCKED = Thread closed
    .detail = This thread is archived or locked, so nothing can be added to it.
BOTS_FORBIDDEN = Not for bots
    .detail = Only people can do this; sign in with a personal account instead of a bot’s.
AUTHOR_SILENCED = Author can’t write there
    .detail = The author of this message has left or may no longer write there, so it stays where it is.
CONFLICT = Changed at the same time
    .detail = Others changed this at the same time, so nothing was done; try again.
ALREADY_EXISTS = Already exists
    .detail = This is already there, so nothing was changed.
# $what: an English plural noun, such as roles. $max: the number allowed.
LIMIT_REACHED = Limit reached
    .detail = The limit for “{ $what }” is { $max }, and it has been reached.
VOICE_FULL = Voice channel full
    .detail = As many people are in this voice channel as it allows; try again when someone has left.
STALE_VERSION = Changed in the meantime
    .detail = Someone else has changed this since you loaded it; load it again, then repeat your change.
IDEMPOTENCY_MISMATCH = Idempotency key reused
    .detail = This Idempotency-Key was already used with a different request; use a new key for this one.
RATE_LIMITED = Too many requests
    .detail = You’re doing this too often; wait a moment, then try again.
SLOWMODE = Slow mode
    .detail = This channel is in slow mode; wait a moment before you send another message.
UNAVAILABLE = Temporarily unavailable
    .detail = Something that the server needs isn’t available right now; try again in a moment.
READ_ONLY = Nothing can be saved right now
    .detail = The server’s storage is full or failing, so your change wasn’t saved; try again later.
INTERNAL = Server error
    .detail = Something went wrong on the server and was logged; if you report it, include the request ID.

## What is wrong with one field

FIELD_REQUIRED = This field is required.
FIELD_UNKNOWN_FIELD = There is no field of this name here.
FIELD_WRONG_TYPE = This value is of the wrong type, such as text in place of a number.
FIELD_TOO_SHORT = Too few characters or items.
# $max: the number allowed.
FIELD_TOO_LONG = At most { $max } characters or items.
FIELD_OUT_OF_RANGE = This value is outside the allowed range.
FIELD_INVALID_FORMAT = This value isn’t in the form that this field needs.
FIELD_UNKNOWN_REFERENCE = This refers to something that doesn’t exist or that you can’t use.
FIELD_NOT_ALLOWED = This isn’t allowed together with the rest of the request.

## E-mails, as plain text. $name: the reader’s name. $link: the address to open.

mail-verify-subject = Confirm your e-mail address for Guildhall
mail-verify-body =
    Hello { $name },

    Please open this link to confirm that this e-mail address belongs to your Guildhall account:

    { $link }

    If you weren’t expecting this message, you can ignore it. The address then stays unconfirmed.
mail-reset-subject = Reset your Guildhall password
mail-reset-body =
    Hello { $name },

    Someone asked to reset the password of your Guildhall account. If that was you, open this link to choose a new one:

    { $link }

    The link is good for one hour.

    If you didn’t ask for this, you can ignore this message. Your password stays as it is.
mail-password-changed-subject = Your Guildhall password was changed
mail-password-changed-body =
    Hello { $name },

    The password of your Guildhall account was just changed.

    If that was you, there is nothing more to do.

    If it wasn’t you, reset your password on the sign-in page right away, and tell the administrators of your server.

## The page on which the first administrator’s account is made

setup-title = Set up this server
setup-intro = This server has no administrator yet. Create the first administrator’s account here.
setup-username = User name
setup-email = E-mail address
setup-password = Password
setup-submit = Create account
setup-done = The administrator’s account is ready. You can sign in now.

## The pages that the links of e-mails open

verify-title = Confirm your e-mail address
verify-intro = Please confirm that this e-mail address is yours.
verify-submit = Confirm
verify-done = Your e-mail address is confirmed. You can close this page.
reset-title = Choose a new password
reset-intro = Your account will be signed out everywhere.
reset-password = New password
reset-submit = Change password
reset-done = Your password is changed. You can sign in now.
