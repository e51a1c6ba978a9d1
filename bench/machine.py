"""The machine, the versions and the settings of a run, for the head of the report.

What belongs here: facts about where and with what was measured. What must not: measuring.
"""
import os
import platform
import subprocess
import time

from servers import ROOT, manycast_config, nginx_binary, nginx_config, nginx_module


def first_line(argv):
    try:
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
        return (r.stdout.decode(errors="replace").strip().splitlines() or ["unknown"])[0]
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def field(text, name):
    """The value of the first `name : value` line."""
    found = [l.split(":", 1)[1].strip() for l in text.splitlines() if l.split(":")[0].strip() == name]
    return found[0] if found else None


def package(name):
    version = first_line(["dpkg-query", "-W", "-f", "${Version}", name])
    return None if "no packages found" in version or version == "unknown" else version


def nginx():
    if not (nginx_binary() and nginx_module()):
        return "not installed"
    version = first_line([nginx_binary(), "-v"]).replace("nginx version: nginx/", "")
    parts = [package("nginx"), package("libnginx-mod-rtmp")]
    return version + (" (Debian nginx %s, libnginx-mod-rtmp %s)" % tuple(parts) if all(parts) else "")


def settings():
    nginx_text = nginx_config("nginx", "RUN", 1)
    return {"manycast": manycast_config(), "nginx": nginx_text[nginx_text.index("worker_processes") :]}


def describe(options, files):
    """One row: everything that is not a measurement."""
    memory = (field(read("/proc/meminfo"), "MemTotal") or "0 kB").split()[0]
    return dict(
        suite="machine",
        when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        cpu=field(read("/proc/cpuinfo"), "model name") or platform.machine(),
        cores=os.cpu_count(),
        memory_mb=int(memory) // 1024,
        kernel="Linux " + platform.release(),
        open_files=files,
        versions=dict(
            manycast=first_line(["git", "-C", ROOT, "describe", "--always", "--dirty"]),
            nginx=nginx(),
            ffmpeg=first_line(["ffmpeg", "-version"]).replace("ffmpeg version ", "").split(" Copyright")[0],
            python=platform.python_version(),
        ),
        options=dict(runs=options.runs, window=options.window, sizes=options.sizes, quick=options.quick),
        settings=settings(),
    )
