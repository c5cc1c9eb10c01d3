"""The command line: `main` is the tree of commands, each command is a file of its own.

Read main first, then options (the settings as options), output (tables, JSON, progress) and failures (errors to
exit codes). A command loads what it needs when it runs, so that `forestall --help` comes at once.
"""
