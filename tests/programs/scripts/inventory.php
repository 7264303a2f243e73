<?php
// Every VM, by PHP's SoapClient without a WSDL. --close: no keep-alive; --filter: and every VM's name by a filter.
error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
$peer = getenv('VCENTER_INSECURE')
    ? ['verify_peer' => false, 'verify_peer_name' => false]
    : ['cafile' => getenv('VCENTER_CA'), 'verify_peer' => true, 'verify_peer_name' => true];
$client = new SoapClient(null, [
    'location' => 'https://' . getenv('VCENTER_HOST') . ':' . getenv('VCENTER_PORT') . '/sdk',
    'uri' => 'urn:vim25',
    'soap_version' => SOAP_1_1,
    'keep_alive' => !in_array('--close', $argv),
    'compression' => SOAP_COMPRESSION_ACCEPT | SOAP_COMPRESSION_GZIP,
    'stream_context' => stream_context_create(['ssl' => $peer]),
]);

function call($operation, $type, $id, $inside = '')
{
    global $client;
    $body = "<_this type=\"$type\">$id</_this>$inside";
    return $client->__soapCall($operation, [new SoapVar($body, XSD_ANYXML)], ['soapaction' => 'urn:vim25/6.0']);
}

function values($object)
{
    $values = [];
    foreach (is_array($object->propSet) ? $object->propSet : [$object->propSet] as $property) {
        $values[$property->name] = $property->val;
    }
    return $values;
}

try {
    $content = call('RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance');
    echo $content->about->fullName, "\n";
    $text = fn ($name) => htmlspecialchars(getenv($name), ENT_XML1);
    call('Login', 'SessionManager', 'SessionManager',
        '<userName>' . $text('VCENTER_USER') . '</userName><password>' . $text('VCENTER_PASSWORD') . '</password>');
    $view = call('CreateContainerView', 'ViewManager', 'ViewManager',
        "<container type=\"Folder\">{$content->rootFolder}</container><type>VirtualMachine</type><recursive>true</recursive>");
    $found = call('RetrievePropertiesEx', 'PropertyCollector', 'propertyCollector',
        '<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>runtime.powerState</pathSet></propSet>' .
        "<objectSet><obj type=\"ContainerView\">$view</obj><skip>true</skip>" .
        '<selectSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="TraversalSpec">' .
        '<type>ContainerView</type><path>view</path></selectSet></objectSet></specSet><options/>');
    foreach ($found->objects as $object) {
        $values = values($object);
        echo $values['name'], ' ', $values['runtime.powerState'], "\n";
    }
    if (in_array('--filter', $argv)) {
        $filter = call('CreateFilter', 'PropertyCollector', 'propertyCollector',
            '<spec><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>' .
            "<objectSet><obj type=\"ContainerView\">$view</obj><skip>true</skip>" .
            '<selectSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="TraversalSpec">' .
            '<type>ContainerView</type><path>view</path></selectSet></objectSet></spec><partialUpdates>0</partialUpdates>');
        $update = call('WaitForUpdates', 'PropertyCollector', 'propertyCollector', '<version></version>');
        echo $update->filterSet->filter === $filter ? '' : "told of another filter\n";
        foreach ($update->filterSet->objectSet as $object) {
            echo $object->changeSet->val, "\n";
        }
        call('DestroyPropertyFilter', 'PropertyFilter', $filter);
    }
    call('DestroyView', 'ContainerView', $view);
    call('Logout', 'SessionManager', 'SessionManager');
} catch (SoapFault $fault) {
    fwrite(STDERR, "fault: $fault->faultstring\n");
    exit(1);
}
