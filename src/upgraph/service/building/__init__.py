"""The building process: sources in, snapshots out; what touches a source, a disk or a registry of the service lives here."""
