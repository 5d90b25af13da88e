"""Alembic's entry: migrations run on the connection that ``Store.migrate`` hands over, in its transaction."""

from alembic import context

from storage.core.desk_schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
