"""The command line: one module a subcommand, each thin.

A subcommand's module offers ``add_parser(subparsers)``, which describes its arguments and ends with
``parser.set_defaults(run=run, parser=parser)`` (with ``shows_progress=True`` where records of level
INFO are for everyone), and ``run(args) -> int``, which returns the exit
code. To add one, write the module and name it in :data:`raz.cli.main.COMMANDS`. These modules are
imported for ``raz --help``, so what is heavy (torch, the models) is imported inside ``run``.
"""
