"""From bytes, folders and repositories to pixels: the one reader, the sources, the store."""
