# Asks what must go out, by Net::HTTP, and says by what error it fails: errors.rb [WORD…]
#
# read       asks what may be answered from the cache
# by-socket  over a socket and OpenSSL, without Net::HTTP
#
# ERRORS_TIMEOUT: seconds that it waits until it is connected. ERRORS_WRITE_TIMEOUT: Net::HTTP, until it has written.
require 'net/http'
require 'openssl'

HOST = ENV['VCENTER_HOST']
PORT = ENV['VCENTER_PORT'].to_i
TIMEOUT = ENV['ERRORS_TIMEOUT']&.to_f
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
  http.write_timeout = ENV['ERRORS_WRITE_TIMEOUT'].to_f if ENV['ERRORS_WRITE_TIMEOUT']
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

begin
  ARGV.include?('by-socket') ? ask_by_socket : ask_by_net_http
  puts 'answered'
rescue StandardError => e
  puts e.class
end
