"""Where the vCenter is and who we are, from the environment; for the pyVmomi scripts beside this file."""
import atexit
import os
import ssl

from pyVim.connect import Disconnect, SmartConnect


def service_instance():
    if os.environ.get("VCENTER_INSECURE"):
        context = ssl._create_unverified_context()
    else:
        context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
    si = SmartConnect(host=os.environ["VCENTER_HOST"], port=int(os.environ["VCENTER_PORT"]),
                      user=os.environ["VCENTER_USER"], pwd=os.environ["VCENTER_PASSWORD"], sslContext=context)
    atexit.register(Disconnect, si)
    return si
