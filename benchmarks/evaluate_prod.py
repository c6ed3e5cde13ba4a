"""Time and memory to evaluate prod under mocks: the median of five processes.

"program" is the time from the first import of the program to its last registration, as the process measures it;
"process" is all of it, from the start of the interpreter; "memory" is the process's peak.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 5
PROJECT = Path(__file__).resolve().parent.parent

_EVALUATE = """
import gc, json, pathlib, resource, time
gc.disable()
started = time.perf_counter()
from tak_tools.stub_aws import StubAws
from tak_tools.program import run_program
from tak_tools.stack_file import load_project, load_stack
stack_file = load_stack(load_project(pathlib.Path()), "prod")
recording = run_program(stack_file, StubAws(stack_file.region, stack_file.name_pattern))
print(json.dumps({
    "resources": len(recording.resources),
    "program": time.perf_counter() - started,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def main() -> None:
    """Prints each figure's median with its minimum and maximum."""
    _evaluate()  # compiles the bytecode, fills the file cache
    runs = [_evaluate() for _ in range(RUNS)]
    print(f"evaluating prod under mocks, {runs[0]['resources']:.0f} resources, {RUNS} runs, {os.cpu_count()} cores")
    for figure, unit in (("program", "s"), ("process", "s"), ("memory", "MB")):
        values = [run[figure] for run in runs]
        print(f"{figure:8} median {statistics.median(values):7.2f} {unit:2}  {min(values):.2f} to {max(values):.2f}")


def _evaluate() -> dict[str, float]:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _EVALUATE], cwd=PROJECT, check=True, capture_output=True, text=True)  # noqa: S603, our own code
    return json.loads(done.stdout) | {"process": time.perf_counter() - started}


if __name__ == "__main__":
    main()
