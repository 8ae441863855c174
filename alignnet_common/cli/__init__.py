"""Command lines: a dataclass declares the options, a YAML file and flags fill it, an error is one line.

Exit codes: 0 done; 2 an error of the user (`UserError`, a wrong option, a path that cannot be written); 1 another error
(`JobError` in one line, any other exception with its traceback); 130 interrupted by Ctrl-C; 141 the reader of
the output has ended.
"""

from alignnet_common.cli.arguments import config_first
from alignnet_common.cli.parser import build_parser, exit_with_line, field_help
from alignnet_common.cli.run import read_config, read_config_file, run_command
from alignnet_common.options import DataclassInstance, as_plain, save_config

__all__ = [
    "DataclassInstance",
    "as_plain",
    "build_parser",
    "config_first",
    "exit_with_line",
    "field_help",
    "read_config",
    "read_config_file",
    "run_command",
    "save_config",
]
