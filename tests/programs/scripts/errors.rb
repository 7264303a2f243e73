# Asks what must go out, by Net::HTTP, and says by what error it fails: errors.rb [WORD…]
#
# read       asks what may be answered from the cache
# by-socket, by-httpclient, by-excon
#            in place of Net::HTTP: over a socket and OpenSSL, or by that library
#
# ERRORS_TIMEOUT: seconds that it waits until it is connected. ERRORS_WRITE_TIMEOUT: until it has written.
require 'net/http'
require 'openssl'

HOST = ENV['VCENTER_HOST']
PORT = ENV['VCENTER_PORT'].to_i
TIMEOUT = ENV['ERRORS_TIMEOUT']&.to_f
WRITE_TIMEOUT = ENV['ERRORS_WRITE_TIMEOUT']&.to_f
ASKED = if ARGV.include? 'read'
          '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>' \
            '</RetrieveServiceContent>'
        else
          '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>'
        end
BODY = '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' +
       ASKED + '</e:Body></e:Envelope>'
FIELDS = { 'SOAPAction' => '"urn:vim25/6.5"', 'Content-Type' => 'text/xml' }.freeze

def ask_by_net_http
  http = Net::HTTP.new(HOST, PORT)
  http.use_ssl = true
  http.ca_file = ENV['VCENTER_CA']
  http.max_retries = 0
  http.open_timeout = TIMEOUT if TIMEOUT
  http.write_timeout = WRITE_TIMEOUT if WRITE_TIMEOUT
  http.post('/sdk', BODY, FIELDS)
end

def ask_by_socket
  context = OpenSSL::SSL::SSLContext.new
  context.set_params(ca_file: ENV['VCENTER_CA'], verify_hostname: false)
  ssl = OpenSSL::SSL::SSLSocket.new(Socket.tcp(HOST, PORT, connect_timeout: TIMEOUT), context)
  ssl.connect
  fields = FIELDS.merge('Host' => "#{HOST}:#{PORT}", 'Content-Length' => BODY.bytesize.to_s, 'Connection' => 'close')
  ssl.write("POST /sdk HTTP/1.1\r\n" + fields.map { |field| field.join(': ') + "\r\n" }.join + "\r\n" + BODY)
  ssl.read
end

def ask_by_httpclient
  require 'httpclient'
  http = HTTPClient.new
  http.ssl_config.clear_cert_store
  http.ssl_config.add_trust_ca(ENV['VCENTER_CA'])
  http.connect_timeout = TIMEOUT if TIMEOUT
  http.send_timeout = WRITE_TIMEOUT if WRITE_TIMEOUT
  http.post("https://#{HOST}:#{PORT}/sdk", BODY, FIELDS)
end

def ask_by_excon
  require 'excon'
  options = { connect_timeout: TIMEOUT, write_timeout: WRITE_TIMEOUT }.compact
  Excon.post("https://#{HOST}:#{PORT}/sdk", body: BODY, headers: FIELDS, ssl_ca_file: ENV['VCENTER_CA'], **options)
end

begin
  send("ask_#{ARGV.grep(/^by-/).first || 'by-net-http'}".tr('-', '_'))
  puts 'answered'
rescue StandardError => e
  puts e.class
end
