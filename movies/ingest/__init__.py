"""MovieLens's files into a catalogue file, in a process of its own: a second copy of SQLite lives here."""
