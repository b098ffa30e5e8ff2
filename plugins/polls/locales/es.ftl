plugin-name = Encuestas
plugin-summary = Preguntas con respuestas para elegir: contadas con exactitud, cerradas a su hora.
permission-messages-write = Para anunciar las encuestas y sus resultados en el canal donde se hacen.
permission-members = Para ver si alguien puede preguntar en un canal, tiene un rol que vota o modera.
permission-realtime = Para mostrar los recuentos en directo.
command-poll = Hacer una pregunta al canal
    .question = Qué preguntar
    .answers = De 2 a 20 respuestas, separadas por | o por comas
    .method = Cómo se elige
    .minutes = Minutos hasta que se cierra
    .anonymous = Nadie sabe quién eligió qué
    .hide-results = El resultado se muestra al cerrarse
    .role = Solo quienes tienen este rol pueden votar
asked = 📊 { $author } pregunta:
multiple = Elige hasta { $most } respuestas.
ranked = Ordena las respuestas.
anonymous = Nadie sabe quién eligió qué.
hidden = El resultado se muestra al cerrarse.
closes = Se cierra { $time }.
choose = Votar
rank = Puesto { $rank }
withdraw = Retirar mi voto
created = Tu encuesta está en marcha.
voted = Tu voto: { $choice }
withdrawn = Tu voto se ha retirado.
closed = { $voters ->
    [one] Cerrada. Ha votado una persona.
   *[other] Cerrada. Han votado { $voters } personas.
}
result-none = La encuesta «{ $question }» se ha cerrado. Nadie ha votado.
result-one = { $voters ->
    [one] La encuesta «{ $question }» se ha cerrado: **{ $winner }**, con un voto emitido.
   *[other] La encuesta «{ $question }» se ha cerrado: **{ $winner }**; han votado { $voters } personas.
}
result-tie = La encuesta «{ $question }» termina en empate: **{ $winner }**. Votantes: { $voters }.
refused-closed = Esta encuesta está cerrada.
refused-voted = Ya has votado, y en esta encuesta los votos no se pueden cambiar.
refused-role = Solo los miembros con ciertos roles pueden votar en esta encuesta.
