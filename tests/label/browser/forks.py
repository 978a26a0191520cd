"""`kaogae` with everything that its service needs already there: each command is a fork of this process.

Orders come as lines of JSON on stdin, answers go to stdout: {"arguments": [...], "log": file} is answered
with the number of the process, {"ended": number} with its exit code, or null while it runs.
"""

import json
import os
import sys
import traceback
from typing import NoReturn

import psycopg  # noqa: F401
import uvicorn  # noqa: F401

import kaogae.label.service  # noqa: F401
from kaogae.cli import main


def answer() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            number, status = os.waitpid(order["ended"], os.WNOHANG)
            said = os.waitstatus_to_exitcode(status) if number else None
        else:
            said = os.fork() or carry_out(order["arguments"], order["log"])
        print(json.dumps(said), flush=True)


def carry_out(arguments: list[str], log: str) -> NoReturn:
    code = 1
    os.setsid()
    nothing, said = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream, file in enumerate((nothing, said, said)):
        os.dup2(file, stream)
    sys.argv = ["kaogae", *arguments]
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    answer()
