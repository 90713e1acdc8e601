"""Run scenario tests: play each conversation in a fresh world and compare what is expected."""
