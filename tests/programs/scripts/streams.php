<?php
// The service content by PHP's own streams: one connection for each request, closed by the server; HTTP/1.0, then 1.1.
error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
$peer = getenv('VCENTER_INSECURE')
    ? ['verify_peer' => false, 'verify_peer_name' => false]
    : ['cafile' => getenv('VCENTER_CA')];
$url = 'https://' . getenv('VCENTER_HOST') . ':' . getenv('VCENTER_PORT') . '/sdk';

function fetch($url, $http)
{
    global $peer;
    $text = file_get_contents($url, false, stream_context_create(['http' => $http, 'ssl' => $peer]));
    if ($text === false) {
        exit(1);
    }
    return $text;
}

preg_match('{<version>(.*?)</version>}', fetch("$url/vimServiceVersions.xml", ['protocol_version' => '1.0']), $found);
echo $found[1], "\n";
$content = fetch($url, [
    'method' => 'POST',
    'protocol_version' => '1.1',
    'header' => "Content-Type: text/xml; charset=utf-8\r\nSOAPAction: \"urn:vim25/6.0\"\r\nConnection: close\r\n",
    'content' => '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' .
        '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>' .
        '</RetrieveServiceContent></e:Body></e:Envelope>',
]);
preg_match('{<instanceUuid>(.*?)</instanceUuid>}', $content, $found);
echo $found[1], "\n";
