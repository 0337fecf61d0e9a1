"""The machine: compiles a program to a stage, runs it, watches it; and the command line."""
