#!/usr/bin/perl
# Asks what must go out, by LWP, and says as what kind of error it fails: errors.pl [WORD...]
# read: asks what may be answered from the cache. mojo: by Mojo::UserAgent, and says its error in full.
# ERRORS_TIMEOUT: seconds that it waits; Mojo::UserAgent: until it is connected.
use strict;
use warnings;
use LWP::UserAgent;

my $asked = '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>';
$asked = '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>' .
    '</RetrieveServiceContent>' if grep { $_ eq 'read' } @ARGV;
my $body = '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' .
    "$asked</e:Body></e:Envelope>";
my $url = "https://$ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}/sdk";
my @fields = (SOAPAction => '"urn:vim25/6.5"', 'Content-Type' => 'text/xml');

if (grep { $_ eq 'mojo' } @ARGV) {
    require Mojo::UserAgent;
    my $agent = Mojo::UserAgent->new->ca($ENV{VCENTER_CA});
    $agent->connect_timeout($ENV{ERRORS_TIMEOUT}) if $ENV{ERRORS_TIMEOUT};
    my $error = $agent->post($url, {@fields}, $body)->error;
    print $error && !$error->{code} ? $error->{message} : 'answered', "\n";
    exit;
}

my $agent = LWP::UserAgent->new($ENV{ERRORS_TIMEOUT} ? (timeout => $ENV{ERRORS_TIMEOUT}) : ());
$agent->ssl_opts(verify_hostname => 1, SSL_ca_file => $ENV{VCENTER_CA});
my $response = $agent->post($url, @fields, Content => $body);
print $response->code, ' ', $response->header('Client-Warning') // 'answered', "\n";
