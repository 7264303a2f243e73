"""Runs a program whose stderr is a pipe that nobody reads: bad-stderr.py closed|full PROGRAM…"""
import fcntl
import os
import signal
import subprocess
import sys

reading, writing = os.pipe()
if sys.argv[1] == "closed":
    os.close(reading)
else:
    os.write(writing, bytes(fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)))
    os.set_inheritable(reading, True)
# SIGPIPE is what it is by default: it ends a program.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.exit(subprocess.call(sys.argv[2:], stderr=writing, close_fds=False))
