"""Serve the dashboard until Ctrl-C: what ``make run`` does once everything is installed.

``PORT`` names the port (8501 if it doesn't); a taken one gives way to the next free one. The
browser is opened where there is a screen to show it on.
"""

import os
import signal
import subprocess
import sys
import time
import webbrowser
from types import FrameType

from scripts.app_server import ADDRESS, ROOT, answers, command, end, free_port, serve_files


def main() -> int:
    """Serve until stopped; return the exit code."""
    asked = os.environ.get("PORT", "").strip() or "8501"
    if not asked.isdecimal() or not 1 <= int(asked) <= 65535:
        print(f"PORT is a number from 1 to 65535, not {asked!r}.", file=sys.stderr)
        return 2
    try:
        port = free_port(int(asked))
    except OSError:
        print(f"No port from {asked} on is free: name another with PORT=…", file=sys.stderr)
        return 1
    if port != int(asked):
        print(f"Port {asked} is taken: using {port}.", flush=True)

    serve_files()
    # A service manager stops with SIGTERM: the same way out as Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    process = subprocess.Popen(command(ROOT / "app.py", port), cwd=ROOT)
    try:
        while process.poll() is None and not answers(port):
            time.sleep(0.1)
        if process.poll() is None:
            url = f"http://{ADDRESS}:{port}"
            print(f"\n  cifarviz is on {url} (Ctrl-C stops it)\n", flush=True)
            if _has_screen():
                webbrowser.open(url)
        return process.wait()
    except KeyboardInterrupt:
        end(process)
        return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _has_screen() -> bool:
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    raise SystemExit(main())
