"""Process 1 of every container of this image: picks the role that the command names."""

from __future__ import annotations

import importlib
import os
import sys

from workloads.shared import Ending, MissingError, SettingError, StopError, complain

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
STOPPED = 143  # the exit code of one that was told to stop before its work was done


def main() -> int:
    ending = Ending()  # first of all: what SIGTERM does to process 1 without a handler is nothing
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
