### Messages to people in Spanish, addressed as “tú”. The names and the values are those of en.ftl.

## Refusals

MALFORMED_BODY = Solicitud ilegible
    .detail = El cuerpo de la solicitud no es JSON válido o no corresponde a su tipo de contenido.
INVALID_QUERY = Consulta no válida
    .detail = Un parámetro de la consulta es desconocido, está repetido, tiene un formato incorrecto o excluye a otro.
INVALID_FIELDS = Algunos campos no son válidos
    .detail = Revisa la nota de cada campo y vuelve a intentarlo.
BODY_TOO_LARGE = Demasiado grande
    .detail = Esto supera lo que se acepta aquí; envía menos de una vez o un archivo más pequeño.
UNSUPPORTED_MEDIA_TYPE = Tipo de contenido no admitido
    .detail = Aquí no se acepta contenido de este tipo; la mayoría de las solicitudes se envían como application/json.
UNAUTHENTICATED = Sesión no iniciada
    .detail = Inicia sesión, o vuelve a iniciarla si la tuya ha terminado.
BAD_CREDENTIALS = No se pudo iniciar sesión
    .detail = Revisa tu nombre de usuario y tu contraseña, y también el código si usas un segundo factor.
SECOND_FACTOR_REQUIRED = Se necesita el segundo factor
    .detail = Introduce el código actual de tu aplicación de autenticación para terminar de iniciar sesión.
ACCOUNT_DISABLED = Cuenta desactivada
    .detail = La administración de este servidor ha desactivado esta cuenta; ponte en contacto con ella si crees que es un error.
TOKEN_EXPIRED = Ya no es válido
    .detail = Este enlace, código o sesión ha caducado o ya se ha usado; pide uno nuevo o vuelve a iniciar sesión.
REGISTRATION_CLOSED = Registro cerrado
    .detail = Este servidor no admite cuentas nuevas, o solo con una invitación válida.
USERNAME_TAKEN = Nombre de usuario ocupado
    .detail = Este nombre de usuario, u otro muy parecido, ya está en uso; elige otro.
EMAIL_TAKEN = Dirección de correo ocupada
    .detail = Esta dirección de correo pertenece a otra cuenta; usa una distinta o inicia sesión en esa cuenta.
MAIL_UNAVAILABLE = Correo no disponible
    .detail = Este servidor no está configurado para enviar correos; pide ayuda a su administración.
NOT_FOUND = No encontrado
    .detail = Esto no existe o no tienes acceso a ello.
METHOD_NOT_ALLOWED = Método no permitido
    .detail = Esta dirección existe, pero no admite el método HTTP de la solicitud.
FORBIDDEN = No permitido
    .detail = Tu cuenta no puede hacer esto; quizá pueda ayudarte alguien con más permisos.
# $permission: the permission’s name, such as MANAGE_ROLES.
MISSING_PERMISSION = Falta un permiso
    .detail = Para hacer esto necesitas el permiso { $permission }.
MESSAGE_BLOCKED = Mensaje rechazado
    .detail = { $reason } (regla { $rule } de { $plugin })
MESSAGE_HELD = El mensaje espera a un moderador
    .detail = { $reason } (regla { $rule } de { $plugin })
PLUGIN_REFUSED = Rechazado por el complemento
    .detail = El complemento lo rechaza por una regla propia.
PLUGIN_NOT_INSTALLED = Complemento no instalado
    .detail = Este gremio no ha instalado el complemento o lo ha desactivado.
PLUGIN_FAILED = El complemento falló
    .detail = El complemento no pudo hacerlo. Quienes lo gestionan pueden ver por qué.
ROLE_TOO_HIGH = Rol demasiado alto
    .detail = Tu rol más alto debe estar por encima del rol o del miembro sobre el que quieres actuar.
OWNER_PROTECTED = Cuenta propietaria protegida
    .detail = La persona propietaria de un gremio no puede abandonarlo, y los demás miembros no pueden expulsarla ni restringirla.
TIMED_OUT = Suspensión temporal
    .detail = Puedes leer en este gremio, pero no participar hasta que termine tu suspensión.
BANNED = Acceso vetado
    .detail = Tienes vetado el acceso a este gremio, así que no puedes unirte ni participar en él.
BLOCKED = Contacto bloqueado
    .detail = No es posible el contacto entre esta persona y tú, porque una de las dos ha bloqueado a la otra.
VERIFICATION_REQUIRED = Verificación necesaria
    .detail = Este gremio pide algo más antes de que puedas unirte o escribir, como una dirección de correo confirmada.
WRONG_CHANNEL_KIND = Tipo de canal incorrecto
    .detail = Esto no se puede hacer en un canal de este tipo; elige otro canal.
THREAD_LOCKED = Hilo cerrado
    .detail = Este hilo está archivado o bloqueado, así que no se le puede añadir nada.
BOTS_FORBIDDEN = No disponible para bots
    .detail = Solo las personas pueden hacer esto; usa una cuenta personal en lugar de la de un bot.
AUTHOR_SILENCED = El autor no puede escribir ahí
    .detail = El autor de este mensaje se ha ido o ya no puede escribir ahí, así que el mensaje se queda donde está.
CONFLICT = Cambiado al mismo tiempo
    .detail = Otros han cambiado esto al mismo tiempo, así que no se ha hecho nada; vuelve a intentarlo.
ALREADY_EXISTS = Ya existe
    .detail = Esto ya existe, así que no se ha cambiado nada.
# $what: an English plural noun, such as roles. $max: the number allowed.
LIMIT_REACHED = Límite alcanzado
    .detail = El límite para «{ $what }» es { $max } y ya se ha alcanzado.
VOICE_FULL = Canal de voz lleno
    .detail = En este canal de voz ya están todas las personas que caben; vuelve a intentarlo cuando alguien haya salido.
STALE_VERSION = Ha cambiado entretanto
    .detail = Alguien ha cambiado esto desde que lo cargaste; vuelve a cargarlo y repite tu cambio.
IDEMPOTENCY_MISMATCH = Clave de idempotencia repetida
    .detail = Esta Idempotency-Key ya se usó con otra solicitud; usa una clave nueva para esta.
RATE_LIMITED = Demasiadas solicitudes
    .detail = Estás haciendo esto con demasiada frecuencia; espera un momento y vuelve a intentarlo.
SLOWMODE = Modo lento
    .detail = Este canal está en modo lento; espera un momento antes de enviar otro mensaje.
UNAVAILABLE = No disponible por el momento
    .detail = Algo que el servidor necesita no está disponible ahora mismo; vuelve a intentarlo en un momento.
READ_ONLY = Ahora mismo no se puede guardar nada
    .detail = El almacenamiento del servidor está lleno o falla, así que tu cambio no se ha guardado; vuelve a intentarlo más tarde.
INTERNAL = Error del servidor
    .detail = Algo ha fallado en el servidor y ha quedado registrado; si informas de ello, incluye el ID de la solicitud.

## What is wrong with one field

FIELD_REQUIRED = Este campo es obligatorio.
FIELD_UNKNOWN_FIELD = Aquí no hay ningún campo con este nombre.
FIELD_WRONG_TYPE = Este valor es del tipo equivocado, como texto en lugar de un número.
FIELD_TOO_SHORT = Muy pocos caracteres o elementos.
# $max: the number allowed.
FIELD_TOO_LONG = Como máximo { $max } caracteres o elementos.
FIELD_OUT_OF_RANGE = Este valor está fuera del intervalo permitido.
FIELD_INVALID_FORMAT = Este valor no tiene el formato que necesita este campo.
FIELD_UNKNOWN_REFERENCE = Esto hace referencia a algo que no existe o que no puedes usar.
FIELD_NOT_ALLOWED = Esto no se permite junto con el resto de la solicitud.

## E-mails, as plain text. $name: the reader’s name. $link: the address to open.

mail-verify-subject = Confirma tu dirección de correo para Guildhall
mail-verify-body =
    Hola, { $name }:

    Abre este enlace para confirmar que esta dirección de correo pertenece a tu cuenta de Guildhall:

    { $link }

    Si no esperabas este mensaje, puedes ignorarlo. En ese caso, la dirección quedará sin confirmar.
mail-reset-subject = Restablece tu contraseña de Guildhall
mail-reset-body =
    Hola, { $name }:

    Alguien ha pedido restablecer la contraseña de tu cuenta de Guildhall. Si has sido tú, abre este enlace para elegir una nueva:

    { $link }

    El enlace es válido durante una hora.

    Si no lo has pedido, puedes ignorar este mensaje. Tu contraseña seguirá siendo la misma.
mail-password-changed-subject = Tu contraseña de Guildhall ha cambiado
mail-password-changed-body =
    Hola, { $name }:

    La contraseña de tu cuenta de Guildhall se acaba de cambiar.

    Si has sido tú, no tienes que hacer nada más.

    Si no has sido tú, restablece tu contraseña cuanto antes en la página de inicio de sesión y avisa a la administración de tu servidor.

## The page on which the first administrator’s account is made

setup-title = Configura este servidor
setup-intro = Este servidor aún no tiene ninguna cuenta de administración. Crea aquí la primera.
setup-username = Nombre de usuario
setup-email = Dirección de correo
setup-password = Contraseña
setup-submit = Crear cuenta
setup-done = La cuenta de administración está lista. Ya puedes iniciar sesión.

## Las páginas que abren los enlaces de los correos

verify-title = Confirma tu dirección de correo
verify-intro = Confirma que esta dirección de correo es tuya.
verify-submit = Confirmar
verify-done = Tu dirección de correo está confirmada. Puedes cerrar esta página.
reset-title = Elige una nueva contraseña
reset-intro = Se cerrarán todas las sesiones de tu cuenta.
reset-password = Nueva contraseña
reset-submit = Cambiar contraseña
reset-done = Tu contraseña se ha cambiado. Ya puedes iniciar sesión.
