plugin-name = Umfragen
plugin-summary = Fragen mit Antworten zur Auswahl: genau gezählt, pünktlich beendet.
permission-messages-write = Um Umfragen und ihre Ergebnisse im jeweiligen Kanal bekannt zu geben.
permission-members = Um zu sehen, ob jemand im Kanal fragen darf, eine stimmberechtigte Rolle hat oder moderiert.
permission-realtime = Um den Stand live zu zeigen.
command-poll = Dem Kanal eine Frage stellen
    .question = Was gefragt wird
    .answers = 2 bis 20 Antworten, mit | oder Komma getrennt
    .method = Wie ausgewählt wird
    .minutes = Minuten bis zum Ende
    .anonymous = Niemand erfährt, wer was gewählt hat
    .hide-results = Das Ergebnis wird erst am Ende gezeigt
    .role = Nur wer diese Rolle hat, darf abstimmen
asked = 📊 { $author } fragt:
multiple = Wähle bis zu { $most } Antworten.
ranked = Ordne die Antworten.
anonymous = Niemand erfährt, wer was gewählt hat.
hidden = Das Ergebnis wird erst am Ende gezeigt.
closes = Endet { $time }.
choose = Abstimmen
rank = Platz { $rank }
withdraw = Stimme zurückziehen
created = Deine Umfrage läuft.
voted = Deine Stimme: { $choice }
withdrawn = Deine Stimme wurde zurückgezogen.
closed = { $voters ->
    [one] Beendet. Eine Person hat abgestimmt.
   *[other] Beendet. { $voters } Personen haben abgestimmt.
}
result-none = Die Umfrage „{ $question }“ ist beendet. Niemand hat abgestimmt.
result-one = { $voters ->
    [one] Die Umfrage „{ $question }“ ist beendet: **{ $winner }**, bei einer abgegebenen Stimme.
   *[other] Die Umfrage „{ $question }“ ist beendet: **{ $winner }**; { $voters } Personen haben abgestimmt.
}
result-tie = Die Umfrage „{ $question }“ endet unentschieden: **{ $winner }**. Teilnehmende: { $voters }.
refused-closed = Diese Umfrage ist beendet.
refused-voted = Du hast schon abgestimmt, und Stimmen können hier nicht geändert werden.
refused-role = Nur Mitglieder mit bestimmten Rollen dürfen hier abstimmen.
