"""The chat database: records, the SQLite file, its versions, own ratings. All SQL but that of db.py."""
