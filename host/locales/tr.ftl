### Messages to people in Turkish, addressed as “siz”. The names and the values are those of en.ftl.
### No suffix is put to a value, as none would suit all of them.

## Refusals

MALFORMED_BODY = İstek okunamadı
    .detail = İsteğin gövdesi geçerli bir JSON değil ya da içerik türüyle uyuşmuyor.
INVALID_QUERY = Geçersiz sorgu
    .detail = Bir sorgu parametresi bilinmiyor, yineleniyor, yanlış biçimde ya da bir başkasıyla birlikte kullanılamıyor.
INVALID_FIELDS = Bazı alanlar geçersiz
    .detail = Her alanla ilgili açıklamayı gözden geçirip yeniden deneyin.
BODY_TOO_LARGE = Çok büyük
    .detail = Bu, burada kabul edilen boyutu aşıyor; tek seferde daha az veri ya da daha küçük bir dosya gönderin.
UNSUPPORTED_MEDIA_TYPE = Desteklenmeyen içerik türü
    .detail = Bu türde içerik burada kabul edilmiyor; isteklerin çoğu application/json olarak gönderilir.
UNAUTHENTICATED = Oturum açılmadı
    .detail = Oturum açın; oturumunuz sona erdiyse yeniden açın.
BAD_CREDENTIALS = Oturum açılamadı
    .detail = Kullanıcı adınızı ve şifrenizi, ikinci bir doğrulama adımı kullanıyorsanız kodu da kontrol edin.
SECOND_FACTOR_REQUIRED = İkinci doğrulama adımı gerekli
    .detail = Oturum açmayı tamamlamak için kimlik doğrulama uygulamanızdaki güncel kodu girin.
ACCOUNT_DISABLED = Hesap devre dışı
    .detail = Bu sunucunun bir yöneticisi bu hesabı devre dışı bıraktı; bir hata olduğunu düşünüyorsanız yönetimle iletişime geçin.
TOKEN_EXPIRED = Artık geçerli değil
    .detail = Bu bağlantının, kodun ya da oturumun süresi dolmuş veya daha önce kullanılmış; yenisini isteyin ya da yeniden oturum açın.
REGISTRATION_CLOSED = Kayıt kapalı
    .detail = Bu sunucu yeni hesap kabul etmiyor ya da yalnızca geçerli bir davetle kabul ediyor.
USERNAME_TAKEN = Kullanıcı adı alınmış
    .detail = Bu kullanıcı adı ya da ona çok benzeyen bir ad zaten kullanılıyor; başka bir ad seçin.
EMAIL_TAKEN = E-posta adresi kullanılıyor
    .detail = Bu e-posta adresi başka bir hesaba ait; farklı bir adres kullanın ya da o hesapla oturum açın.
MAIL_UNAVAILABLE = E-posta kullanılamıyor
    .detail = Bu sunucu e-posta gönderecek şekilde ayarlanmamış; yöneticilerinden yardım isteyin.
NOT_FOUND = Bulunamadı
    .detail = Böyle bir şey yok ya da buna erişiminiz yok.
METHOD_NOT_ALLOWED = Yönteme izin verilmiyor
    .detail = Bu adres var, ancak isteğin HTTP yöntemini desteklemiyor.
FORBIDDEN = İzin verilmiyor
    .detail = Hesabınızın bunu yapma yetkisi yok; daha fazla yetkisi olan biri yardımcı olabilir.
# $permission: the permission’s name, such as MANAGE_ROLES.
MISSING_PERMISSION = Eksik izin
    .detail = Bunu yapmak için { $permission } iznine ihtiyacınız var.
MESSAGE_BLOCKED = Mesaj reddedildi
    .detail = { $reason } ({ $plugin } eklentisinin { $rule } kuralı)
MESSAGE_HELD = Mesaj bir moderatörü bekliyor
    .detail = { $reason } ({ $plugin } eklentisinin { $rule } kuralı)
PLUGIN_REFUSED = Eklenti reddetti
    .detail = Eklenti bunu kendi kuralı gereği reddediyor.
PLUGIN_NOT_INSTALLED = Eklenti kurulu değil
    .detail = Bu lonca eklentiyi kurmamış ya da kapatmış.
PLUGIN_FAILED = Eklenti başarısız oldu
    .detail = Eklenti bunu yapamadı. Eklentiyi yönetenler nedenini görebilir.
ROLE_TOO_HIGH = Rol çok yüksek
    .detail = En yüksek rolünüz, işlem yapmak istediğiniz rolün ya da üyenin üzerinde olmalıdır.
OWNER_PROTECTED = Lonca sahibi korunuyor
    .detail = Bir loncanın sahibi loncadan ayrılamaz; diğer üyeler de onu çıkaramaz veya kısıtlayamaz.
TIMED_OUT = Geçici olarak uzaklaştırıldınız
    .detail = Bu loncada yazılanları okuyabilirsiniz, ancak uzaklaştırma süreniz bitene kadar sohbete katılamazsınız.
BANNED = Yasaklandınız
    .detail = Bu loncada yasaklısınız; bu nedenle loncaya giremez ve orada yazamazsınız.
BLOCKED = İletişim engellendi
    .detail = İkinizden biri diğerini engellediği için bu kişiyle iletişim kuramazsınız.
VERIFICATION_REQUIRED = Doğrulama gerekli
    .detail = Bu lonca, katılmanızdan ya da yazmanızdan önce onaylanmış bir e-posta adresi gibi ek koşullar arıyor.
WRONG_CHANNEL_KIND = Kanal türü uygun değil
    .detail = Bu işlem bu türde bir kanalda yapılamaz; başka bir kanal seçin.
THREAD_LOCKED = Konu kapalı
    .detail = Bu konu arşivlenmiş ya da kilitlenmiş olduğu için ona bir şey eklenemez.
BOTS_FORBIDDEN = Botlara kapalı
    .detail = Bunu yalnızca kişiler yapabilir; bot hesabı yerine kişisel bir hesap kullanın.
AUTHOR_SILENCED = Yazar oraya yazamıyor
    .detail = Bu mesajın yazarı ayrılmış ya da artık oraya yazamıyor; bu yüzden mesaj olduğu yerde kalıyor.
CONFLICT = Aynı anda değişti
    .detail = Başkaları bunu aynı anda değiştirdi, bu yüzden hiçbir şey yapılmadı; tekrar deneyin.
ALREADY_EXISTS = Zaten var
    .detail = Bu zaten var, bu yüzden hiçbir şey değiştirilmedi.
# $what: an English plural noun, such as roles. $max: the number allowed.
LIMIT_REACHED = Sınıra ulaşıldı
    .detail = “{ $what }” için izin verilen en yüksek sayıya ulaşıldı: { $max }.
VOICE_FULL = Ses kanalı dolu
    .detail = Bu ses kanalında izin verilen sayıda kişi var; biri ayrıldığında yeniden deneyin.
STALE_VERSION = Bu arada değişti
    .detail = Siz yükledikten sonra bunu başka biri değiştirdi; yeniden yükleyip değişikliğinizi tekrarlayın.
IDEMPOTENCY_MISMATCH = Idempotency-Key zaten kullanılmış
    .detail = Bu Idempotency-Key daha önce farklı bir istekle kullanıldı; bu istek için yeni bir anahtar kullanın.
RATE_LIMITED = Çok fazla istek
    .detail = Bunu çok sık yapıyorsunuz; biraz bekleyip yeniden deneyin.
SLOWMODE = Yavaş mod
    .detail = Bu kanalda yavaş mod açık; yeni bir mesaj göndermeden önce biraz bekleyin.
UNAVAILABLE = Geçici olarak kullanılamıyor
    .detail = Sunucunun ihtiyaç duyduğu bir hizmet şu anda kullanılamıyor; biraz sonra yeniden deneyin.
READ_ONLY = Şu anda hiçbir şey kaydedilemiyor
    .detail = Sunucunun depolama alanı dolu ya da arızalı olduğu için değişikliğiniz kaydedilmedi; daha sonra yeniden deneyin.
INTERNAL = Sunucu hatası
    .detail = Sunucuda bir sorun oluştu ve günlüğe kaydedildi; bildirirseniz istek kimliğini de ekleyin.

## What is wrong with one field

FIELD_REQUIRED = Bu alan zorunludur.
FIELD_UNKNOWN_FIELD = Burada bu adda bir alan yok.
FIELD_WRONG_TYPE = Bu değerin türü yanlış; örneğin sayı yerine metin girilmiş.
FIELD_TOO_SHORT = Karakter ya da öğe sayısı çok az.
# $max: the number allowed.
FIELD_TOO_LONG = En fazla { $max } karakter ya da öğe.
FIELD_OUT_OF_RANGE = Bu değer izin verilen aralığın dışında.
FIELD_INVALID_FORMAT = Bu değer, bu alanın gerektirdiği biçimde değil.
FIELD_UNKNOWN_REFERENCE = Bu, var olmayan ya da kullanamayacağınız bir şeye işaret ediyor.
FIELD_NOT_ALLOWED = İsteğin geri kalanıyla birlikte buna izin verilmiyor.

## E-mails, as plain text. $name: the reader’s name. $link: the address to open.

mail-verify-subject = Guildhall için e-posta adresinizi onaylayın
mail-verify-body =
    Merhaba { $name },

    Bu e-posta adresinin Guildhall hesabınıza ait olduğunu onaylamak için lütfen şu bağlantıyı açın:

    { $link }

    Bu iletiyi beklemiyorduysanız dikkate almayabilirsiniz. Bu durumda adres onaylanmamış olarak kalır.
mail-reset-subject = Guildhall şifrenizi sıfırlayın
mail-reset-body =
    Merhaba { $name },

    Guildhall hesabınızın şifresini sıfırlamak için bir istek aldık. İsteği siz yaptıysanız yeni bir şifre seçmek için şu bağlantıyı açın:

    { $link }

    Bağlantı bir saat boyunca geçerlidir.

    Bunu siz istemediyseniz bu iletiyi dikkate almayabilirsiniz. Şifreniz olduğu gibi kalır.
mail-password-changed-subject = Guildhall şifreniz değiştirildi
mail-password-changed-body =
    Merhaba { $name },

    Guildhall hesabınızın şifresi az önce değiştirildi.

    Bunu siz yaptıysanız başka bir şey yapmanız gerekmez.

    Bunu siz yapmadıysanız, oturum açma sayfasında şifrenizi hemen sıfırlayın ve sunucunuzun yöneticilerine haber verin.

## The page on which the first administrator’s account is made

setup-title = Bu sunucuyu kurun
setup-intro = Bu sunucunun henüz bir yöneticisi yok. İlk yönetici hesabını burada oluşturun.
setup-username = Kullanıcı adı
setup-email = E-posta adresi
setup-password = Şifre
setup-submit = Hesap oluştur
setup-done = Yönetici hesabı hazır. Şimdi oturum açabilirsiniz.

## E-postalardaki bağlantıların açtığı sayfalar

verify-title = E-posta adresinizi doğrulayın
verify-intro = Lütfen bu e-posta adresinin size ait olduğunu doğrulayın.
verify-submit = Doğrula
verify-done = E-posta adresiniz doğrulandı. Bu sayfayı kapatabilirsiniz.
reset-title = Yeni bir şifre seçin
reset-intro = Hesabınızın tüm oturumları kapatılacak.
reset-password = Yeni şifre
reset-submit = Şifreyi değiştir
reset-done = Şifreniz değiştirildi. Şimdi oturum açabilirsiniz.
