"""The kinds that come with igrules, contributed through the same hooks as a stranger's."""
