"""The VMs' names by Python's requests: a pool of connections, each looked at before it is used again."""
import os
import re
import sys
from xml.sax.saxutils import escape

import requests

session = requests.Session()
session.trust_env = False
session.verify = os.environ["VCENTER_CA"]
if os.environ.get("VCENTER_INSECURE"):
    session.verify = False
    requests.packages.urllib3.disable_warnings()
URL = "https://%s:%s/sdk" % (os.environ["VCENTER_HOST"], os.environ["VCENTER_PORT"])


def call(operation, kind, name, inside=""):
    answer = session.post(URL, headers={"SOAPAction": '"urn:vim25/6.5"', "Content-Type": "text/xml"}, data="".join((
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>',
        '<%s xmlns="urn:vim25"><_this type="%s">%s</_this>%s</%s>' % (operation, kind, name, inside, operation),
        "</e:Body></e:Envelope>")))
    if answer.status_code != 200:
        sys.exit("%s: %d" % (operation, answer.status_code))
    return answer.text


print(re.search("<version>(.*?)</version>", session.get(URL + "/vimServiceVersions.xml").text).group(1))
call("Login", "SessionManager", "SessionManager", "<userName>%s</userName><password>%s</password>" % (
    escape(os.environ["VCENTER_USER"]), escape(os.environ["VCENTER_PASSWORD"])))
folder = re.search('<returnval type="Folder">(.*?)<', call(
    "FindByInventoryPath", "SearchIndex", "SearchIndex", "<inventoryPath>DC0/vm</inventoryPath>")).group(1)
found = call(
    "RetrievePropertiesEx", "PropertyCollector", "propertyCollector",
    "<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet>"
    '<obj type="Folder">%s</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>Folder</type>'
    "<path>childEntity</path></selectSet></objectSet></specSet><options/>" % folder)
for name in re.findall("<name>name</name><val[^>]*>(.*?)</val>", found):
    print(name)
call("Logout", "SessionManager", "SessionManager")
