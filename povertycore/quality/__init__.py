"""Can it be trusted: files and registers are checked before anything is counted."""
