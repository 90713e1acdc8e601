"""From text to a compiled ruleset: loader, compiler, templates, phrase index, schema, reports."""
