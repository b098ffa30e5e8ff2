plugin-name = Garson
command-serve = Bir biçimde yanıtlar
    .what = Hangi biçimde
command-order-echo = Anlaşılanı söyler
    .dish = Ne yenecek
badge-regular = Müdavim
    .description = Her gün gelir.
