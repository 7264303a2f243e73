-- Asks what must go out, by LuaSec, and says by what error it fails: errors.lua [read]
-- read: asks what may be answered from the cache. ERRORS_TIMEOUT: seconds that it waits.
local http = require 'socket.http'
local https = require 'ssl.https'
local ltn12 = require 'ltn12'

local asked = arg[1] == 'read' and
    '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent>'
    or '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>'
local body = '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' ..
    asked .. '</e:Body></e:Envelope>'

local timeout = tonumber(os.getenv('ERRORS_TIMEOUT') or 60)
http.TIMEOUT = timeout
https.TIMEOUT = timeout
local answered, reason = https.request{
    url = 'https://' .. os.getenv('VCENTER_HOST') .. ':' .. os.getenv('VCENTER_PORT') .. '/sdk',
    method = 'POST',
    headers = {SOAPAction = '"urn:vim25/6.5"', ['content-type'] = 'text/xml', ['content-length'] = #body},
    source = ltn12.source.string(body),
    sink = ltn12.sink.null(),
    verify = 'peer',
    cafile = os.getenv('VCENTER_CA'),
}
print(answered and 'answered' or reason)
