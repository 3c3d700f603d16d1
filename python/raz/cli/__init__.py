"""The command line: one thin module per command.

A command's module has ``add_parser(subparsers)``, which describes its arguments and ends with
``parser.set_defaults(run=run, parser=parser)`` (and ``shows_progress=True`` if log records of level
INFO are for everyone), and ``run(args) -> int``, which returns the exit code. To add a command,
write its module and list it in :data:`raz.cli.main.COMMANDS`. ``raz --help`` imports these modules,
so import what is heavy (torch, the models) inside ``run``.
"""
