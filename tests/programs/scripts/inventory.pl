#!/usr/bin/perl
# Every VM, in the manner of the Perl SDK: envelopes put together by hand, LWP, the cookie kept with its quotes.
# --filter: and every VM's name by a filter. --keep-alive: on one connection; without it every request has its own, as LWP does by itself.
use strict;
use warnings;
use List::Util 'shuffle';
use LWP::UserAgent;
use HTTP::Request;

my %options = (agent => 'VI Perl');
$options{keep_alive} = 1 if grep { $_ eq '--keep-alive' } @ARGV;
my $agent = LWP::UserAgent->new(%options);
$agent->ssl_opts($ENV{VCENTER_INSECURE} ? (verify_hostname => 0, SSL_verify_mode => 0)
                                        : (verify_hostname => 1, SSL_ca_file => $ENV{VCENTER_CA}));
my $url = "https://$ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}/sdk";
my $cookie;

sub envelope {
    my ($operation, $type, $id, $inside) = @_;
    return <<"END";
<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
                  xmlns:xsd="http://www.w3.org/2001/XMLSchema"
                  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <soapenv:Body>
    <$operation xmlns="urn:vim25"><_this type="$type">$id</_this>
      $inside
    </$operation>
  </soapenv:Body>
</soapenv:Envelope>
END
}

sub call {
    my ($operation, $type, $id, $inside) = @_;
    my $request = HTTP::Request->new(POST => $url);
    $request->header(SOAPAction => '""');
    $request->content_type('text/xml; charset=utf-8');
    $request->header(Cookie => $cookie) if $cookie;
    $request->content(envelope($operation, $type, $id, $inside // ''));
    my $response = $agent->request($request);
    my $body = $response->decoded_content;
    if ($response->code != 200) {
        my ($why) = $body =~ m{<faultstring>(.*?)</faultstring>}s;
        die "$operation: " . $response->code . ' ' . ($why // $response->message) . "\n";
    }
    my $set = $response->header('Set-Cookie');
    ($cookie) = $set =~ /(vmware_soap_session="[^"]*")/ if $set;
    return $body;
}

sub escape { my ($text) = @_; $text =~ s/&/&amp;/g; $text =~ s/</&lt;/g; return $text }

sub versions {
    my $response = $agent->get("$url/vimServiceVersions.xml");
    die $response->status_line . "\n" if !$response->is_success;
    return $response->decoded_content =~ m{<version>(.*?)</version>};
}

my ($version) = versions();
print "version $version\n";
call('RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance') =~ m{<rootFolder type="Folder">(.*?)</rootFolder>}
    or die "no root folder\n";
my $root = $1;
call('Login', 'SessionManager', 'SessionManager', '<userName>' . escape($ENV{VCENTER_USER}) . '</userName><password>' .
     escape($ENV{VCENTER_PASSWORD}) . '</password>');
versions();
my $view = call('CreateContainerView', 'ViewManager', 'ViewManager',
     qq{<container type="Folder">$root</container><type>VirtualMachine</type><recursive>true</recursive>});
($view) = $view =~ m{<returnval type="ContainerView"[^>]*>(.*?)</returnval>} or die "no view\n";
# The SDK sends the property names in the order of a hash: any.
my $paths = join '', map { "<pathSet>$_</pathSet>" } shuffle('name', 'runtime.powerState', 'config.hardware.numCPU');
my $found = call('RetrieveProperties', 'PropertyCollector', 'propertyCollector', qq{
      <specSet><propSet><type>VirtualMachine</type><all>false</all>$paths</propSet>
        <objectSet><obj type="ContainerView">$view</obj><skip>true</skip>
          <selectSet xsi:type="TraversalSpec"><name>view</name><type>ContainerView</type><path>view</path></selectSet>
        </objectSet></specSet>});
while ($found =~ m{<returnval>(.*?)</returnval>}gs) {
    my $object = $1;
    my %property;
    $property{$1} = $2 while $object =~ m{<name>(.*?)</name><val[^>]*>(.*?)</val>}gs;
    print join(' ', map { "$_=$property{$_}" } sort keys %property), "\n";
}
if (grep { $_ eq '--filter' } @ARGV) {
    my ($filter) = call('CreateFilter', 'PropertyCollector', 'propertyCollector', qq{
          <spec><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>
            <objectSet><obj type="ContainerView">$view</obj><skip>true</skip>
              <selectSet xsi:type="TraversalSpec"><name>view</name><type>ContainerView</type><path>view</path></selectSet>
            </objectSet></spec><partialUpdates>0</partialUpdates>}) =~ m{<returnval type="PropertyFilter"[^>]*>(.*?)</}
        or die "no filter\n";
    my $updates = call('WaitForUpdates', 'PropertyCollector', 'propertyCollector', '<version></version>');
    print "told of another filter\n" if index($updates, ">$filter</filter>") < 0;
    print "$1\n" while $updates =~ m{<val[^>]*>(.*?)</val>}gs;
    call('DestroyPropertyFilter', 'PropertyFilter', $filter);
}
call('DestroyView', 'ContainerView', $view);
call('Logout', 'SessionManager', 'SessionManager');
