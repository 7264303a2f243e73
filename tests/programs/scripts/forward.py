"""
A port of $VCENTER_HOST that leads to the vCenter so many times, and is closed then: forward.py TIMES. Prints its number,
and "closed" when it is.
"""
import os
import socket
import sys
import threading

import tunnel

host = os.environ["VCENTER_HOST"]
listening = socket.create_server((host, 0))
print(listening.getsockname()[1], flush=True)
for _ in range(int(sys.argv[1])):
    tunnel.join(listening.accept()[0], socket.create_connection((host, int(os.environ["VCENTER_PORT"]))))
listening.close()
print("closed", flush=True)
threading.Event().wait()
