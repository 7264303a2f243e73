# Opens a connection by Net::HTTP and says what OpenSSL tells of it: look.rb [read|look…]
require 'net/http'
require 'openssl'

http = Net::HTTP.new(ENV['VCENTER_HOST'], ENV['VCENTER_PORT'].to_i)
http.use_ssl = true
http.ca_file = ENV['VCENTER_CA']
http.start
ARGV.each do |step|
  if step == 'read'
    answer = http.get('/sdk/vimServiceVersions.xml')
    puts "#{answer.code} #{answer.body.size}"
  else
    ssl = http.instance_variable_get(:@socket).io
    digest = ->(certificate) { OpenSSL::Digest::SHA256.hexdigest(certificate.to_der) }
    puts digest.call(ssl.peer_cert), ssl.peer_cert_chain.map(&digest).inspect
    puts ssl.ssl_version, ssl.cipher.inspect, ssl.state, ssl.verify_result, ssl.alpn_protocol.inspect
    puts ssl.session_reused?, ssl.pending, ssl.io.remote_address.inspect_sockaddr
  end
end
http.finish
