<?php
// Every VM, by PHP's curl: with-curl.php easy|multi.
error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
$url = 'https://' . getenv('VCENTER_HOST') . ':' . getenv('VCENTER_PORT') . '/sdk';
$share = curl_share_init();
curl_share_setopt($share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);

function message($operation, $type, $id, $inside = '')
{
    return '<?xml version="1.0" encoding="UTF-8"?>' .
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' .
        "<soapenv:Body><$operation xmlns=\"urn:vim25\"><_this type=\"$type\">$id</_this>$inside</$operation></soapenv:Body></soapenv:Envelope>";
}

function read($type, $object, $path, $more = '')
{
    return message('RetrievePropertiesEx', 'PropertyCollector', 'propertyCollector',
        "<specSet><propSet><type>$type</type><pathSet>$path</pathSet></propSet><objectSet><obj type=\"$object</obj>$more</objectSet></specSet><options/>");
}

function handle($text)
{
    global $url, $share;
    $handle = curl_init($url);
    curl_setopt_array($handle, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => $text,
        CURLOPT_HTTPHEADER => ['Content-Type: text/xml; charset=utf-8', 'SOAPAction: "urn:vim25/6.5"'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_COOKIEFILE => '',
        CURLOPT_SHARE => $share,
        CURLOPT_ENCODING => '',
    ]);
    if (getenv('VCENTER_INSECURE')) {
        curl_setopt_array($handle, [CURLOPT_SSL_VERIFYPEER => false, CURLOPT_SSL_VERIFYHOST => 0]);
    } else {
        curl_setopt($handle, CURLOPT_CAINFO, getenv('VCENTER_CA'));
    }
    return $handle;
}

function told($handle, $body)
{
    global $url;
    $info = curl_getinfo($handle);
    if ($info['http_code'] !== 200 || curl_errno($handle) !== 0) {
        fwrite(STDERR, "{$info['http_code']}, " . curl_error($handle) . ": $body\n");
        exit(1);
    }
    if ($info['url'] !== $url || $info['total_time'] <= 0 || $info['starttransfer_time'] > $info['total_time'] || $info['primary_ip'] === '') {
        fwrite(STDERR, 'odd: ' . print_r($info, true));
        exit(1);
    }
    return $body;
}

function ask(...$texts)
{
    global $argv;
    $handles = array_map('handle', $texts);
    if ($argv[1] === 'easy') {
        return array_map(fn ($handle) => told($handle, curl_exec($handle)), $handles);
    }
    $multi = curl_multi_init();
    foreach ($handles as $handle) {
        curl_multi_add_handle($multi, $handle);
    }
    $done = 0;
    do {
        $status = curl_multi_exec($multi, $running);
        while ($message = curl_multi_info_read($multi)) {
            $done += $message['msg'] === CURLMSG_DONE && $message['result'] === CURLE_OK;
        }
        if ($running) {
            curl_multi_select($multi, 1.0);
        }
    } while ($running && $status === CURLM_OK);
    if ($done !== count($handles)) {
        fwrite(STDERR, "$done done of " . count($handles) . "\n");
        exit(1);
    }
    $bodies = array_map(fn ($handle) => told($handle, curl_multi_getcontent($handle)), $handles);
    foreach ($handles as $handle) {
        curl_multi_remove_handle($multi, $handle);
    }
    return $bodies;
}

$text = fn ($name) => htmlspecialchars(getenv($name), ENT_XML1);
ask(message('Login', 'SessionManager', 'SessionManager',
    '<userName>' . $text('VCENTER_USER') . '</userName><password>' . $text('VCENTER_PASSWORD') . '</password>'));
[$names] = ask(read('VirtualMachine', 'Folder">folder-3', 'name',
    '<skip>true</skip><selectSet xsi:type="TraversalSpec"><type>Folder</type><path>childEntity</path></selectSet>'));
preg_match_all('|<obj type="VirtualMachine">(vm-\d+)</obj><propSet><name>name</name><val[^>]*>([^<]*)<|', $names, $machines, PREG_SET_ORDER);
$states = ask(...array_map(fn ($machine) => read('VirtualMachine', "VirtualMachine\">$machine[1]", 'runtime.powerState'), $machines));
foreach ($machines as $i => [, $id, $name]) {
    preg_match('/powered[A-Za-z]*/', $states[$i], $state);
    echo "$name $id $state[0]\n";
}
ask(message('Logout', 'SessionManager', 'SessionManager'));
