#!/usr/bin/env python3
"""The program that the tests look at obeys, bare too: check_program.py PROGRAM LIBRARY..."""

import sys

from servers import Program

program = Program(sys.argv[1:])
for command in ("burst", "fork", "load", "burst"):
    program.obey(command)
    print(f"ok: {command}")
program.stop()
