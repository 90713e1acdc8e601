"""One tenant in memory, with a clock that only moves when it is told to.

Why the same engine and not a model of it: what a test or a simulation shows is what happens in
production, because `decide` and `wake` are called with the same ruleset and facts of the same form.
Only what lies behind the engine is other: rows are values in memory, and nobody is written to.
"""
