"""Changes of the schema, applied in order by `igrules.ledger.migrating`; never edited
afterwards."""
