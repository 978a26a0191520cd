"""Runs in processes of their own, for tests that kill them: torch is imported once, and each is a fork.

Orders come as lines of JSON on stdin, answers go to stdout: {"start": order} is answered with the number of
the process, {"wait": number} with its exit code.
"""

import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

import tensorboard.summary.writer.record_writer
import torch
import torch.utils.tensorboard.summary

import kaogae.cli
import kaogae.train.record
from kaogae.dataset import load
from kaogae.errors import KaogaeError
from kaogae.train import load_settings, train
from kaogae.train.loop import Step

CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
"""Python's audit events of what changes a folder, each before it happens."""


def main() -> None:
    torch.set_num_threads(1)
    # These take most of the time, and no weight depends on them
    kaogae.train.record.draw_curves = lambda *_, **__: None
    tensorboard.summary.writer.record_writer.masked_crc32c = lambda _: 0
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            answer = os.fork() or begin(order["start"])
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        print(json.dumps(answer), flush=True)


def begin(order: dict[str, Any]) -> NoReturn:
    """What a process does. What came of it is in the file `told`: a report, or an error."""
    code, told = 0, dict[str, Any]()
    errors = os.open(order["told"] + ".stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(errors, sys.stderr.fileno())
    os.dup2(errors, sys.stdout.fileno())
    try:
        if "signals" in order:
            send(order["signals"], order["watched"])
        if "kill_after" in order:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends a process as suddenly as SIGKILL
            signal.setitimer(signal.ITIMER_REAL, order["kill_after"])
        torch.set_num_threads(order.get("threads", 1))
        if "cli" in order:
            sys.argv = ["kaogae", *order["cli"]]
            kaogae.cli.main()
        else:
            told = run(order)
    except KaogaeError as error:
        code, told = 2, {"error": type(error).__name__, "sentence": str(error)}
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        code, told = 1, {"error": "a traceback", "sentence": traceback.format_exc()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    Path(order["told"]).write_text(json.dumps(told))
    os._exit(code)


def run(order: dict[str, Any]) -> dict[str, Any]:
    alarms, asked = list[str](), 0

    def follow(step: Step) -> None:
        if step.alarm:
            alarms.append(step.alarm)
        if step.stage == "training" and step.done == order.get("hold_at"):
            Path(order["told"]).write_text("{}")
            time.sleep(60)
        if step.stage == "training" and step.done == order.get("full_at"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["room"], resource.RLIM_INFINITY))

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == order.get("stop_after")

    report = train(
        load_settings(order.get("preset", "smoke"), order["settings"]),
        [load(Path(one)) for one in order["sets"]],
        Path(order["folder"]),
        cache=Path(order["cache"]),
        workers=order.get("workers", 1),
        max_minutes=order.get("max_minutes"),
        stop=stop,
        progress=follow,
    )
    return {
        "reason": report.reason,
        "began": report.began,
        "iterations": report.iterations,
        "alarms": alarms,
    }


def send(signals: list[tuple[str, int, int]], watched: str) -> None:
    """To this process: (where, count, signal) just before change `count` of what has `where` in its path,
    within the folder `watched`.
    """
    seen = [0] * len(signals)

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CHANGES or watched not in (path := str(arguments[0])):
            return
        if event == "open" and not int(arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        for index, (where, count, number) in enumerate(signals):
            if where in path.removeprefix(watched):
                seen[index] += 1
                if seen[index] == count + 1:
                    os.kill(os.getpid(), number)

    sys.addaudithook(see)


if __name__ == "__main__":
    main()
