reason-keywords = Your message has something that isn't allowed here: “{ $detail }”.
reason-patterns = Your message has something that isn't allowed here: “{ $detail }”.
reason-links = Links to { $detail } aren't allowed here.
reason-invites = Invitations to other places aren't allowed here.
reason-mentions = { $detail ->
    [one] A message may mention one person or role here, not more.
   *[other] A message may mention { $detail } people and roles here, not more.
}
reason-repeats = You have said this several times already. Please wait a little.
reason-flood = That is a lot of messages at once. Please wait a little.
reason-caps = Please write with fewer capital letters.
alert-keywords = Forbidden word: “{ $detail }”
alert-patterns = Forbidden pattern: “{ $detail }”
alert-links = Forbidden link: { $detail }
alert-invites = Invitation to another place: { $detail }
alert-mentions = More than { $detail } mentions in a message
alert-repeats = The same message more than { $detail } times
alert-flood = More than { $detail } messages in quick succession
alert-caps = Mostly capital letters
