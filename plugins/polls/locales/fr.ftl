plugin-name = Sondages
plugin-summary = Des questions avec des réponses au choix : comptées exactement, closes à l'heure.
permission-messages-write = Pour annoncer les sondages et leurs résultats dans le salon où ils sont posés.
permission-members = Pour savoir si quelqu'un peut poser une question dans un salon, a un rôle qui vote ou modère.
permission-realtime = Pour montrer les décomptes en direct.
command-poll = Poser une question au salon
    .question = La question
    .answers = De 2 à 20 réponses, séparées par | ou par des virgules
    .method = Comment on choisit
    .minutes = Minutes avant la clôture
    .anonymous = Personne ne sait qui a choisi quoi
    .hide-results = Les résultats ne sont montrés qu'à la clôture
    .role = Seuls les membres ayant ce rôle peuvent voter
asked = 📊 { $author } demande :
multiple = Choisissez jusqu'à { $most } réponses.
ranked = Classez les réponses.
anonymous = Personne ne sait qui a choisi quoi.
hidden = Les résultats ne sont montrés qu'à la clôture.
closes = Clôture : { $time }.
choose = Voter
rank = Place { $rank }
withdraw = Retirer mon vote
created = Votre sondage est en ligne.
voted = Votre vote : { $choice }
withdrawn = Votre vote a été retiré.
closed = { $voters ->
    [one] Clos. { $voters } personne a voté.
   *[other] Clos. { $voters } personnes ont voté.
}
result-none = Le sondage « { $question } » est clos. Personne n'a voté.
result-one = { $voters ->
    [one] Le sondage « { $question } » est clos : **{ $winner }**, { $voters } personne ayant voté.
   *[other] Le sondage « { $question } » est clos : **{ $winner }**, { $voters } personnes ayant voté.
}
result-tie = Le sondage « { $question } » se termine sur une égalité : **{ $winner }**. Votants : { $voters }.
refused-closed = Ce sondage est clos.
refused-voted = Vous avez déjà voté, et les votes de ce sondage ne peuvent pas être modifiés.
refused-role = Seuls les membres ayant certains rôles peuvent voter dans ce sondage.
