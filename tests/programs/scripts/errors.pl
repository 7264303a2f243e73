#!/usr/bin/perl
# Asks what must go out, by LWP, and says as what kind of error it fails: errors.pl [read]
# read: asks what may be answered from the cache. ERRORS_TIMEOUT: seconds that it waits.
use strict;
use warnings;
use LWP::UserAgent;

my $agent = LWP::UserAgent->new($ENV{ERRORS_TIMEOUT} ? (timeout => $ENV{ERRORS_TIMEOUT}) : ());
$agent->ssl_opts(verify_hostname => 1, SSL_ca_file => $ENV{VCENTER_CA});
my $asked = '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>';
$asked = '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>' .
    '</RetrieveServiceContent>' if grep { $_ eq 'read' } @ARGV;
my $response = $agent->post("https://$ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}/sdk",
    SOAPAction => '"urn:vim25/6.5"', 'Content-Type' => 'text/xml', Content =>
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' .
    "$asked</e:Body></e:Envelope>");
print $response->code, ' ', $response->header('Client-Warning') // 'answered', "\n";
