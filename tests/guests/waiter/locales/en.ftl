badge-regular = Regular
    .description = Comes every day.
