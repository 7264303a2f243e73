# Connects in turns of a loop that are shorter than it takes: turns.rb read|write connects. Says how it is answered.
require 'socket'
require 'openssl'

host = ENV['VCENTER_HOST']
port = ENV['VCENTER_PORT'].to_i
operation = if ARGV[0] == 'read'
              '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>' \
                '</RetrieveServiceContent>'
            else
              '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>'
            end
body = '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' +
       operation + '</e:Body></e:Envelope>'

# As Socket.tcp of Ruby 3.4 does where a name has several addresses.
socket = Socket.new(:INET, :STREAM)
until socket.connect_nonblock(Socket.sockaddr_in(port, host), exception: false) == 0
  IO.select(nil, [socket], nil, 0.25)
end
context = OpenSSL::SSL::SSLContext.new
context.set_params(ca_file: ENV['VCENTER_CA'], verify_hostname: false)
ssl = OpenSSL::SSL::SSLSocket.new(socket, context)
ssl.connect
ssl.write("POST /sdk HTTP/1.1\r\nHost: #{host}:#{port}\r\nSOAPAction: \"urn:vim25/6.5\"\r\n" \
          "Content-Type: text/xml\r\nConnection: close\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}")
puts ssl.readpartial(65536).lines.first.chomp
