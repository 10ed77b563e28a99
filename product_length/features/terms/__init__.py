"""Words of titles, whose training rows' lengths are counted."""
