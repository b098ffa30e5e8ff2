### Messages to people in German, addressed as “du”. The names and the values are those of en.ftl.

## Refusals

MALFORMED_BODY = Anfrage nicht lesbar
    .detail = Der Inhalt der Anfrage ist kein gültiges JSON oder passt nicht zum angegebenen Inhaltstyp.
INVALID_QUERY = Ungültige Abfrage
    .detail = Ein Abfrageparameter ist unbekannt, kommt doppelt vor, hat die falsche Form oder schließt einen anderen aus.
INVALID_FIELDS = Einige Felder sind ungültig
    .detail = Prüfe die Hinweise zu den einzelnen Feldern und versuche es dann noch einmal.
BODY_TOO_LARGE = Zu groß
    .detail = Das ist mehr, als hier angenommen wird; sende weniger auf einmal oder eine kleinere Datei.
UNSUPPORTED_MEDIA_TYPE = Inhaltstyp nicht unterstützt
    .detail = Inhalte dieses Typs werden hier nicht angenommen; die meisten Anfragen werden als application/json gesendet.
UNAUTHENTICATED = Nicht angemeldet
    .detail = Melde dich an oder, falls deine Sitzung beendet wurde, noch einmal an.
BAD_CREDENTIALS = Anmeldung fehlgeschlagen
    .detail = Prüfe deinen Benutzernamen und dein Passwort sowie den Code, falls du einen zweiten Faktor verwendest.
SECOND_FACTOR_REQUIRED = Zweiter Faktor erforderlich
    .detail = Gib den aktuellen Code aus deiner Authenticator-App ein, um die Anmeldung abzuschließen.
ACCOUNT_DISABLED = Konto deaktiviert
    .detail = Die Administration dieses Servers hat dieses Konto deaktiviert; wende dich an sie, wenn du das für einen Irrtum hältst.
TOKEN_EXPIRED = Nicht mehr gültig
    .detail = Dieser Link, dieser Code oder diese Sitzung ist abgelaufen oder wurde schon verwendet; fordere einen neuen Link oder Code an oder melde dich erneut an.
REGISTRATION_CLOSED = Registrierung geschlossen
    .detail = Dieser Server nimmt keine neuen Konten an oder nur solche mit einer gültigen Einladung.
USERNAME_TAKEN = Benutzername vergeben
    .detail = Dieser Benutzername oder ein sehr ähnlicher wird schon verwendet; wähle einen anderen.
EMAIL_TAKEN = E-Mail-Adresse vergeben
    .detail = Diese E-Mail-Adresse gehört zu einem anderen Konto; verwende eine andere oder melde dich mit jenem Konto an.
MAIL_UNAVAILABLE = E-Mail nicht verfügbar
    .detail = Dieser Server ist nicht für den Versand von E-Mails eingerichtet; bitte seine Administration um Hilfe.
NOT_FOUND = Nicht gefunden
    .detail = Das gibt es nicht, oder du hast keinen Zugriff darauf.
METHOD_NOT_ALLOWED = Methode nicht erlaubt
    .detail = Diese Adresse gibt es, aber sie unterstützt die HTTP-Methode der Anfrage nicht.
FORBIDDEN = Nicht erlaubt
    .detail = Mit deinem Konto ist das nicht erlaubt; vielleicht kann dir jemand mit mehr Rechten helfen.
# $permission: the permission’s name, such as MANAGE_ROLES.
MISSING_PERMISSION = Fehlende Berechtigung
    .detail = Dafür brauchst du die Berechtigung { $permission }.
MESSAGE_BLOCKED = Nachricht abgelehnt
    .detail = { $reason } (Regel { $rule } von { $plugin })
MESSAGE_HELD = Nachricht wartet auf die Moderation
    .detail = { $reason } (Regel { $rule } von { $plugin })
PLUGIN_REFUSED = Vom Plugin abgelehnt
    .detail = Das Plugin lehnt das nach einer eigenen Regel ab.
PLUGIN_NOT_INSTALLED = Plugin nicht installiert
    .detail = Diese Gilde hat das Plugin nicht installiert oder abgeschaltet.
PLUGIN_FAILED = Plugin fehlgeschlagen
    .detail = Das Plugin konnte das nicht. Wer es verwaltet, sieht den Grund.
ROLE_TOO_HIGH = Rolle zu hoch
    .detail = Deine höchste Rolle muss über der Rolle oder dem Mitglied stehen, auf die oder das sich deine Aktion bezieht.
OWNER_PROTECTED = Besitzerkonto geschützt
    .detail = Wer eine Gilde besitzt, kann sie nicht verlassen und von anderen Mitgliedern weder entfernt noch eingeschränkt werden.
TIMED_OUT = Auszeit
    .detail = Du kannst in dieser Gilde lesen, aber bis zum Ende deiner Auszeit nicht mitmachen.
BANNED = Gebannt
    .detail = Du bist aus dieser Gilde gebannt und kannst ihr deshalb weder beitreten noch in ihr mitmachen.
BLOCKED = Kontakt blockiert
    .detail = Ihr könnt einander nicht kontaktieren, weil eine Person die andere blockiert hat.
VERIFICATION_REQUIRED = Verifizierung erforderlich
    .detail = Diese Gilde verlangt mehr, bevor du beitreten oder schreiben kannst, zum Beispiel eine bestätigte E-Mail-Adresse.
WRONG_CHANNEL_KIND = Falsche Art von Kanal
    .detail = In einem Kanal dieser Art geht das nicht; wähle einen anderen Kanal.
THREAD_LOCKED = Thread geschlossen
    .detail = Dieser Thread ist archiviert oder gesperrt, daher kann nichts mehr hinzugefügt werden.
BOTS_FORBIDDEN = Nicht für Bots
    .detail = Das können nur Menschen tun; melde dich mit einem persönlichen Konto statt mit dem eines Bots an.
AUTHOR_SILENCED = Verfasser darf dort nicht schreiben
    .detail = Wer diese Nachricht geschrieben hat, ist nicht mehr da oder darf dort nicht mehr schreiben; sie bleibt daher, wo sie ist.
CONFLICT = Gleichzeitig geändert
    .detail = Andere haben das im selben Moment geändert, daher ist nichts geschehen; versuche es noch einmal.
ALREADY_EXISTS = Schon vorhanden
    .detail = Das ist schon vorhanden, daher wurde nichts geändert.
# $what: an English plural noun, such as roles. $max: the number allowed.
LIMIT_REACHED = Grenze erreicht
    .detail = Die Grenze für „{ $what }“ liegt bei { $max } und ist erreicht.
VOICE_FULL = Sprachkanal voll
    .detail = In diesem Sprachkanal sind schon so viele Personen, wie er zulässt; versuche es wieder, wenn jemand gegangen ist.
STALE_VERSION = Inzwischen geändert
    .detail = Jemand anderes hat das geändert, seit du es geladen hast; lade es neu und wiederhole dann deine Änderung.
IDEMPOTENCY_MISMATCH = Idempotenzschlüssel schon verwendet
    .detail = Dieser Idempotency-Key wurde schon mit einer anderen Anfrage verwendet; nimm für diese einen neuen.
RATE_LIMITED = Zu viele Anfragen
    .detail = Du machst das zu oft; warte einen Moment und versuche es dann noch einmal.
SLOWMODE = Langsamer Modus
    .detail = In diesem Kanal gilt der langsame Modus; warte einen Moment, bevor du die nächste Nachricht sendest.
UNAVAILABLE = Vorübergehend nicht verfügbar
    .detail = Etwas, das der Server braucht, ist gerade nicht verfügbar; versuche es gleich noch einmal.
READ_ONLY = Speichern gerade nicht möglich
    .detail = Der Speicher des Servers ist voll oder gestört, daher wurde deine Änderung nicht gespeichert; versuche es später noch einmal.
INTERNAL = Serverfehler
    .detail = Auf dem Server ist etwas schiefgegangen und wurde protokolliert; gib die Anfrage-ID an, wenn du es meldest.

## What is wrong with one field

FIELD_REQUIRED = Dieses Feld ist erforderlich.
FIELD_UNKNOWN_FIELD = Ein Feld mit diesem Namen gibt es hier nicht.
FIELD_WRONG_TYPE = Dieser Wert hat den falschen Typ, zum Beispiel Text statt einer Zahl.
FIELD_TOO_SHORT = Zu wenige Zeichen oder Einträge.
# $max: the number allowed.
FIELD_TOO_LONG = Höchstens { $max } Zeichen oder Einträge.
FIELD_OUT_OF_RANGE = Dieser Wert liegt außerhalb des erlaubten Bereichs.
FIELD_INVALID_FORMAT = Dieser Wert hat nicht die Form, die dieses Feld braucht.
FIELD_UNKNOWN_REFERENCE = Das verweist auf etwas, das es nicht gibt oder das du nicht verwenden kannst.
FIELD_NOT_ALLOWED = Das ist zusammen mit dem Rest der Anfrage nicht erlaubt.

## E-mails, as plain text. $name: the reader’s name. $link: the address to open.

mail-verify-subject = Bestätige deine E-Mail-Adresse für Guildhall
mail-verify-body =
    Hallo { $name },

    bitte öffne diesen Link, um zu bestätigen, dass diese E-Mail-Adresse zu deinem Guildhall-Konto gehört:

    { $link }

    Falls du diese Nachricht nicht erwartet hast, kannst du sie ignorieren. Die Adresse bleibt dann unbestätigt.
mail-reset-subject = Setze dein Guildhall-Passwort zurück
mail-reset-body =
    Hallo { $name },

    jemand hat darum gebeten, das Passwort deines Guildhall-Kontos zurückzusetzen. Wenn du das warst, öffne diesen Link, um ein neues zu wählen:

    { $link }

    Der Link ist eine Stunde lang gültig.

    Falls du nicht darum gebeten hast, kannst du diese Nachricht ignorieren. Dein Passwort bleibt, wie es ist.
mail-password-changed-subject = Dein Guildhall-Passwort wurde geändert
mail-password-changed-body =
    Hallo { $name },

    das Passwort deines Guildhall-Kontos wurde gerade geändert.

    Wenn du das warst, brauchst du nichts weiter zu tun.

    Wenn du es nicht warst, setze dein Passwort umgehend auf der Anmeldeseite zurück und informiere die Administration deines Servers.

## The page on which the first administrator’s account is made

setup-title = Diesen Server einrichten
setup-intro = Dieser Server hat noch kein Administrationskonto. Lege hier das erste an.
setup-username = Benutzername
setup-email = E-Mail-Adresse
setup-password = Passwort
setup-submit = Konto anlegen
setup-done = Das Administrationskonto ist fertig. Du kannst dich jetzt anmelden.

## Die Seiten, die sich über die Links in E-Mails öffnen

verify-title = Bestätige deine E-Mail-Adresse
verify-intro = Bitte bestätige, dass diese E-Mail-Adresse dir gehört.
verify-submit = Bestätigen
verify-done = Deine E-Mail-Adresse ist bestätigt. Du kannst diese Seite schließen.
reset-title = Wähle ein neues Passwort
reset-intro = Dein Konto wird dabei überall abgemeldet.
reset-password = Neues Passwort
reset-submit = Passwort ändern
reset-done = Dein Passwort ist geändert. Du kannst dich jetzt anmelden.
