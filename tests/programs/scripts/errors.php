<?php
// Asks what must go out, by SoapClient, and says as what kind of error it fails: errors.php [read]
// read: asks what may be answered from the cache. ERRORS_TIMEOUT: seconds that it waits until it is connected.
error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
$client = new SoapClient(null, [
    'location' => 'https://' . getenv('VCENTER_HOST') . ':' . getenv('VCENTER_PORT') . '/sdk',
    'uri' => 'urn:vim25',
    'connection_timeout' => getenv('ERRORS_TIMEOUT') ?: 60,
    'stream_context' => stream_context_create(['ssl' => ['cafile' => getenv('VCENTER_CA')]]),
]);
try {
    if (in_array('read', $argv)) {
        $client->__soapCall('RetrieveServiceContent',
            [new SoapVar('<_this type="ServiceInstance">ServiceInstance</_this>', XSD_ANYXML)]);
    } else {
        $client->__soapCall('Rename_Task', [new SoapVar('<_this type="Folder">group-d1</_this>', XSD_ANYXML)]);
    }
    echo "answered\n";
} catch (SoapFault $fault) {
    echo get_class($fault), ' ', $fault->faultcode, "\n";
}
