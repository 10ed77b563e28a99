"""Starts a training as on several machines: torchrun once for each, all on this one."""

import os
import socket
import subprocess
import sys


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def on_two_machines(folder, first, second):
    """Run torchrun with two lists of words at once; the exit code and the output of each."""
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *words],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for words in (first, second)
    ]
    try:
        said = [process.communicate(timeout=250)[0] for process in both]
    finally:
        for process in both:
            process.kill()
    return [(process.returncode, text) for process, text in zip(both, said, strict=True)]
