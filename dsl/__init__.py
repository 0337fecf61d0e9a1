"""The language: text in, checked program out.

What was written is a *tree* (``tree``), what was meant is a *program* (``program``). Between them
stands ``check``, which is handed the specs of the plugins as plain data (``spec``) and knows no
plugin by name. Events, field references, templates and timestamps are values of the language and
live here too.
"""
