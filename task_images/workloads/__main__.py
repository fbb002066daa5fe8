"""Process 1 of every container of this image: picks the role that the command names."""

from __future__ import annotations

import signal
import sys

# First of all: without a handler SIGTERM does nothing to process 1. What follows takes a moment, and so has not begun.
STOPPED = 143  # the exit code of one that was told to stop before its work was done
signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))

import importlib  # noqa: E402
import os  # noqa: E402

from workloads.shared import Ending, MissingError, SettingError, StopError, complain  # noqa: E402

USAGE = "this image knows api, worker, feed N, count, migrate, migrate status, batch, train"
MODULES = {
    "api": "workloads.api.main",
    "worker": "workloads.worker.main",
    "feed": "workloads.worker.feed",
    "count": "workloads.worker.count",
    "migrate": "workloads.migrate.main",
    "batch": "workloads.batch.main",
    "train": "workloads.train.main",
}


def main() -> int:
    ending = Ending()  # from here on SIGTERM is a matter of the role
    role, *arguments = sys.argv[1:] or [""]
    if role not in MODULES:
        complain(f"unknown role '{role}': {USAGE}" if role else USAGE)
        return 2
    program = importlib.import_module(MODULES[role])
    try:
        return int(program.main(arguments, ending))
    except SettingError as error:
        complain(f"{role}: {error}; {USAGE}")
        return 2
    except MissingError as error:
        complain(f"{role}: {error}")
        return 1
    except PermissionError as error:  # a folder of this machine as /data, which belongs to somebody else
        complain(f"{role}: may not write to {error.filename} as user {os.getuid()}")
        return 1
    except StopError:
        complain(f"{role}: SIGTERM, stops; the work is not done")
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
