"""Everything durable, through peewee: on SQLite or PostgreSQL."""
