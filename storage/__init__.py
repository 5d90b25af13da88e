"""The store: schema, migrations, upserts for both databases, the change log, and the frames that pages read."""
