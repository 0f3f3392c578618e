"""SQL: every table, the single writer, queries and migrations."""
