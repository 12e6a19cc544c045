"""How long a call into the core takes to answer Ctrl-C.

Not a test itself: the tests that stop a long call share it.
"""

import signal
import subprocess
import sys
import time

# Goes around a call that is long enough: says when it begins, and when it was interrupted.
CALL = """
import time
print("ready", flush=True)
try:
    {call}
    print("finished", flush=True)
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
"""

TRIES = 3  # a machine that is busy, or gives memory for the first time, is slow once


def seconds_to_answer(preparation: str, call: str, afterwards: str = "") -> float:
    """Least seconds from Ctrl-C to KeyboardInterrupt, of `TRIES` runs of a script."""
    script = preparation + CALL.format(call=call) + afterwards
    return min(_once(script) for _ in range(TRIES))


def _once(script: str) -> float:
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "ready\n", child.communicate()[1]
        time.sleep(0.2)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        said, complaint = child.communicate(timeout=60)
    finally:
        child.kill()
        child.communicate()
    assert child.returncode == 0, complaint
    assert said != "finished\n", "the call was too short to be interrupted"
    return float(said) - sent
