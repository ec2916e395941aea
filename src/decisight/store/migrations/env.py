"""Brings a store's tables up to date, within the transaction of whoever opens it."""

from __future__ import annotations

from alembic import context

# One transaction for all: a store is made and brought up to date whole, or not at all.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
