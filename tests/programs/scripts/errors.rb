# Asks what must go out, by Net::HTTP, and says as what kind of error it fails: errors.rb [read]
# read: asks what may be answered from the cache. ERRORS_TIMEOUT: seconds that it waits.
require 'net/http'

http = Net::HTTP.new(ENV['VCENTER_HOST'], ENV['VCENTER_PORT'].to_i)
http.use_ssl = true
http.ca_file = ENV['VCENTER_CA']
http.max_retries = 0
if ENV['ERRORS_TIMEOUT']
  http.open_timeout = http.ssl_timeout = http.read_timeout = http.write_timeout = ENV['ERRORS_TIMEOUT'].to_f
end
begin
  asked = '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>'
  asked = '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>' \
          '</RetrieveServiceContent>' if ARGV.include? 'read'
  http.post('/sdk', '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>' +
                    asked + '</e:Body></e:Envelope>', 'SOAPAction' => '"urn:vim25/6.5"', 'Content-Type' => 'text/xml')
  puts 'answered'
rescue Timeout::Error
  puts 'Timeout::Error' # of opening, writing or reading
rescue StandardError => e
  puts e.class
end
