"""Holds an open-file-description lock on the bytes of FILE from START on, LENGTH of them (0: all), until it is killed."""
import fcntl
import os
import signal
import struct
import sys

path, start, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
file = os.open(path, os.O_RDWR)
fcntl.fcntl(file, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
print("held", flush=True)
signal.pause()
