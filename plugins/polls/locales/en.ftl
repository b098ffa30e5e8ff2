asked = 📊 { $author } asks:
multiple = Choose up to { $most } answers.
ranked = Rank the answers.
anonymous = Nobody learns who chose what.
hidden = Counts are shown once it is closed.
closes = Closes { $time }.
choose = Vote
rank = Place { $rank }
withdraw = Withdraw my vote
created = Your poll is up.
voted = Your vote: { $choice }
withdrawn = Your vote was withdrawn.
closed = { $voters ->
    [one] Closed. One person voted.
   *[other] Closed. { $voters } people voted.
}
result-none = The poll “{ $question }” is closed. Nobody voted.
result-one = { $voters ->
    [one] The poll “{ $question }” is closed: **{ $winner }**, with one vote cast.
   *[other] The poll “{ $question }” is closed: **{ $winner }**, with { $voters } people voting.
}
result-tie = The poll “{ $question }” is closed with a tie: **{ $winner }**. People who voted: { $voters }.
refused-closed = This poll is closed.
refused-voted = You have voted, and votes in this poll can't be changed.
refused-role = Only members with certain roles may vote in this poll.
