#!/usr/bin/perl
# Writes, and connects if it is told so, in turns of a loop that are shorter than it takes: turns.pl read|write [connects].
# Says how it is answered.
use strict;
use warnings;
use Errno;
use IO::Poll qw(POLLOUT);
use IO::Socket::INET;
use IO::Socket::SSL;
use Socket;

my ($host, $port) = @ENV{'VCENTER_HOST', 'VCENTER_PORT'};
my $operation = $ARGV[0] eq 'read'
    ? '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>' .
      '</RetrieveServiceContent>'
    : '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>';
my $body = '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' .
    "$operation</e:Body></e:Envelope>";
my $left = "POST /sdk HTTP/1.1\r\nHost: $host:$port\r\nSOAPAction: \"urn:vim25/6.5\"\r\nContent-Type: text/xml\r\n" .
    "Connection: close\r\nContent-Length: " . length($body) . "\r\n\r\n$body";

my $connects = @ARGV > 1;
my $socket = IO::Socket::INET->new(Proto => 'tcp', Blocking => !$connects) or die;

sub turn {
    my $reads = $SSL_ERROR && $SSL_ERROR == SSL_WANT_READ;
    my $set = '';
    vec($set, fileno $socket, 1) = 1;
    return select($reads ? $set : undef, $reads ? undef : $set, undef, 0.1);
}

# again DONE: calls it until it has a value.
sub again {
    my ($done) = @_;
    my $value;
    until (defined($value = $done->())) {
        die "$! $SSL_ERROR" unless $!{EAGAIN} || $!{EWOULDBLOCK};
        turn();
    }
    return $value;
}

connect($socket, pack_sockaddr_in($port, inet_aton($host)));
if ($connects) {
    my $poll = IO::Poll->new;
    $poll->mask($socket => POLLOUT);
    1 until $poll->poll(0.05);
}
$socket->blocking(0);
IO::Socket::SSL->start_SSL($socket, SSL_startHandshake => 0, SSL_ca_file => $ENV{VCENTER_CA},
    SSL_verifycn_scheme => 'none', SSL_hostname => $host) or die $SSL_ERROR;
again(sub { $socket->connect_SSL || undef });
substr($left, 0, again(sub { syswrite($socket, $left) })) = '' while length $left;
my $answer = '';
1 while again(sub { sysread($socket, $answer, 65536, length $answer) });
print $answer =~ /^(.*?)\r\n/, "\n";
