### Messages to people in French, addressed as “vous”. The names and the values are those of en.ftl.
### The spaces before colons and semicolons and inside guillemets are no-break spaces.

## Refusals

MALFORMED_BODY = Requête illisible
    .detail = Le corps de la requête n’est pas du JSON valide ou ne correspond pas à son type de contenu.
INVALID_QUERY = Paramètres non valides
    .detail = Un paramètre de la requête est inconnu, répété, mal formé ou en exclut un autre.
INVALID_FIELDS = Certains champs ne sont pas valides
    .detail = Vérifiez l’indication donnée pour chaque champ, puis réessayez.
BODY_TOO_LARGE = Trop volumineux
    .detail = Cela dépasse ce qui est accepté ici ; envoyez-en moins à la fois, ou un fichier plus petit.
UNSUPPORTED_MEDIA_TYPE = Type de contenu non pris en charge
    .detail = Les contenus de ce type ne sont pas acceptés ici ; la plupart des requêtes s’envoient en application/json.
UNAUTHENTICATED = Non connecté
    .detail = Connectez-vous, ou reconnectez-vous si votre session a pris fin.
BAD_CREDENTIALS = Échec de la connexion
    .detail = Vérifiez votre nom d’utilisateur et votre mot de passe, ainsi que le code si vous utilisez un second facteur.
SECOND_FACTOR_REQUIRED = Second facteur requis
    .detail = Saisissez le code actuel de votre application d’authentification pour terminer la connexion.
ACCOUNT_DISABLED = Compte désactivé
    .detail = L’administration de ce serveur a désactivé ce compte ; contactez-la si vous pensez qu’il s’agit d’une erreur.
TOKEN_EXPIRED = Plus valable
    .detail = Ce lien, ce code ou cette session a expiré ou a déjà servi ; demandez un nouveau lien ou code, ou reconnectez-vous.
REGISTRATION_CLOSED = Inscriptions fermées
    .detail = Ce serveur n’accepte pas de nouveaux comptes, ou seulement avec une invitation valable.
USERNAME_TAKEN = Nom d’utilisateur déjà pris
    .detail = Ce nom d’utilisateur, ou un autre très ressemblant, est déjà utilisé ; choisissez-en un autre.
EMAIL_TAKEN = Adresse e-mail déjà prise
    .detail = Cette adresse e-mail appartient à un autre compte ; utilisez-en une autre ou connectez-vous à ce compte.
MAIL_UNAVAILABLE = E-mail non disponible
    .detail = Ce serveur n’est pas configuré pour envoyer des e-mails ; demandez de l’aide à son administration.
NOT_FOUND = Introuvable
    .detail = Cet élément n’existe pas, ou vous n’y avez pas accès.
METHOD_NOT_ALLOWED = Méthode non autorisée
    .detail = Cette adresse existe, mais n’accepte pas la méthode HTTP de la requête.
FORBIDDEN = Action non autorisée
    .detail = Votre compte ne permet pas cette action ; une personne ayant plus de droits pourra peut-être vous aider.
# $permission: the permission’s name, such as MANAGE_ROLES.
MISSING_PERMISSION = Permission manquante
    .detail = Il vous faut la permission { $permission } pour faire cela.
MESSAGE_BLOCKED = Message refusé
    .detail = { $reason } (règle { $rule } de { $plugin })
MESSAGE_HELD = Le message attend un modérateur
    .detail = { $reason } (règle { $rule } de { $plugin })
PLUGIN_REFUSED = Refusé par l’extension
    .detail = L’extension refuse cela selon une règle qui lui est propre.
PLUGIN_NOT_INSTALLED = Extension non installée
    .detail = Cette guilde n’a pas installé l’extension, ou l’a désactivée.
PLUGIN_FAILED = L’extension a échoué
    .detail = L’extension n’a pas pu le faire. Ceux qui la gèrent peuvent voir pourquoi.
ROLE_TOO_HIGH = Rôle trop élevé
    .detail = Votre rôle le plus élevé doit être au-dessus du rôle ou du membre sur lequel vous voulez agir.
OWNER_PROTECTED = Compte propriétaire protégé
    .detail = Le compte propriétaire d’une guilde ne peut pas la quitter, et les autres membres ne peuvent ni l’exclure ni le restreindre.
TIMED_OUT = Exclusion temporaire
    .detail = Vous pouvez lire dans cette guilde, mais pas y participer avant la fin de votre exclusion temporaire.
BANNED = Bannissement
    .detail = Un bannissement vous interdit de rejoindre cette guilde et d’y participer.
BLOCKED = Contact bloqué
    .detail = Cette personne et vous ne pouvez pas vous contacter, car l’une de vous deux a bloqué l’autre.
VERIFICATION_REQUIRED = Vérification requise
    .detail = Cette guilde demande davantage avant que vous puissiez la rejoindre ou y écrire, par exemple une adresse e-mail confirmée.
WRONG_CHANNEL_KIND = Type de canal inadapté
    .detail = Cette action est impossible dans un canal de ce type ; choisissez un autre canal.
THREAD_LOCKED = Fil fermé
    .detail = Ce fil est archivé ou verrouillé, on ne peut donc plus rien y ajouter.
BOTS_FORBIDDEN = Non accessible aux bots
    .detail = Seules les personnes peuvent faire cela ; utilisez un compte personnel plutôt que celui d’un bot.
AUTHOR_SILENCED = L’auteur ne peut pas y écrire
    .detail = L’auteur de ce message est parti ou ne peut plus y écrire ; le message reste donc où il est.
CONFLICT = Modifié en même temps
    .detail = D’autres ont modifié cet élément en même temps, rien n’a donc été fait ; réessayez.
ALREADY_EXISTS = Existe déjà
    .detail = Cet élément existe déjà ; rien n’a été modifié.
# $what: an English plural noun, such as roles. $max: the number allowed.
LIMIT_REACHED = Limite atteinte
    .detail = La limite pour « { $what } » est de { $max } et elle est atteinte.
VOICE_FULL = Canal vocal complet
    .detail = Ce canal vocal compte déjà autant de personnes qu’il en admet ; réessayez quand quelqu’un sera parti.
STALE_VERSION = Modifié entre-temps
    .detail = Quelqu’un d’autre a modifié cet élément depuis que vous l’avez chargé ; rechargez-le, puis refaites votre modification.
IDEMPOTENCY_MISMATCH = Clé d’idempotence déjà utilisée
    .detail = Cette Idempotency-Key a déjà servi pour une autre requête ; utilisez une nouvelle clé pour celle-ci.
RATE_LIMITED = Trop de requêtes
    .detail = Vous faites cela trop souvent ; patientez un instant, puis réessayez.
SLOWMODE = Mode lent
    .detail = Ce canal est en mode lent ; patientez un instant avant d’envoyer un autre message.
UNAVAILABLE = Temporairement indisponible
    .detail = Un service nécessaire au serveur est indisponible pour le moment ; réessayez dans un instant.
READ_ONLY = Enregistrement impossible pour le moment
    .detail = Le stockage du serveur est plein ou défaillant, votre modification n’a donc pas été enregistrée ; réessayez plus tard.
INTERNAL = Erreur du serveur
    .detail = Un problème est survenu sur le serveur et a été consigné ; si vous le signalez, indiquez l’identifiant de la requête.

## What is wrong with one field

FIELD_REQUIRED = Ce champ est obligatoire.
FIELD_UNKNOWN_FIELD = Aucun champ ne porte ce nom ici.
FIELD_WRONG_TYPE = Cette valeur n’est pas du bon type, par exemple du texte à la place d’un nombre.
FIELD_TOO_SHORT = Trop peu de caractères ou d’éléments.
# $max: the number allowed.
FIELD_TOO_LONG = Au maximum { $max } caractères ou éléments.
FIELD_OUT_OF_RANGE = Cette valeur est en dehors de la plage autorisée.
FIELD_INVALID_FORMAT = Cette valeur n’a pas la forme attendue pour ce champ.
FIELD_UNKNOWN_REFERENCE = Cette valeur renvoie à un élément qui n’existe pas ou que vous ne pouvez pas utiliser.
FIELD_NOT_ALLOWED = Cette valeur n’est pas autorisée avec le reste de la requête.

## E-mails, as plain text. $name: the reader’s name. $link: the address to open.

mail-verify-subject = Confirmez votre adresse e-mail pour Guildhall
mail-verify-body =
    Bonjour { $name },

    Veuillez ouvrir ce lien pour confirmer que cette adresse e-mail appartient à votre compte Guildhall :

    { $link }

    Si vous n’attendiez pas ce message, vous pouvez l’ignorer. L’adresse restera alors non confirmée.
mail-reset-subject = Réinitialisez votre mot de passe Guildhall
mail-reset-body =
    Bonjour { $name },

    Quelqu’un a demandé à réinitialiser le mot de passe de votre compte Guildhall. Si c’était vous, ouvrez ce lien pour en choisir un nouveau :

    { $link }

    Ce lien est valable une heure.

    Si vous n’avez rien demandé, vous pouvez ignorer ce message. Votre mot de passe restera inchangé.
mail-password-changed-subject = Votre mot de passe Guildhall a été modifié
mail-password-changed-body =
    Bonjour { $name },

    Le mot de passe de votre compte Guildhall vient d’être modifié.

    Si c’était vous, vous n’avez rien d’autre à faire.

    Si ce n’était pas vous, réinitialisez sans attendre votre mot de passe sur la page de connexion et prévenez l’administration de votre serveur.

## The page on which the first administrator’s account is made

setup-title = Configurer ce serveur
setup-intro = Ce serveur n’a pas encore de compte d’administration. Créez ici le premier.
setup-username = Nom d’utilisateur
setup-email = Adresse e-mail
setup-password = Mot de passe
setup-submit = Créer le compte
setup-done = Le compte d’administration est prêt. Vous pouvez maintenant vous connecter.

## Les pages qu’ouvrent les liens des e-mails

verify-title = Confirmez votre adresse e-mail
verify-intro = Veuillez confirmer que cette adresse e-mail est la vôtre.
verify-submit = Confirmer
verify-done = Votre adresse e-mail est confirmée. Vous pouvez fermer cette page.
reset-title = Choisissez un nouveau mot de passe
reset-intro = Toutes les sessions de votre compte seront fermées.
reset-password = Nouveau mot de passe
reset-submit = Changer le mot de passe
reset-done = Votre mot de passe est changé. Vous pouvez maintenant vous connecter.
