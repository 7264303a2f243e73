"""A read of the version file over TLS on memory BIOs, as asyncio does it: no socket under the SSL object."""

import asyncio
import os
import ssl

context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])


async def main():
    reader, writer = await asyncio.open_connection(
        os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"]), ssl=context)
    writer.write(b"GET /sdk/vimServiceVersions.xml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    print(answer.partition(b"\r\n\r\n")[2].decode())
    writer.close()


asyncio.run(main())
