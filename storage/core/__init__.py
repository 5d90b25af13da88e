"""The schema, transactions, the change log and bulk statements."""
