# The VMs by rbvmomi, once before a pause and once after it: idle.rb FIFO. It goes on when the fifo has been written.
require 'rbvmomi'

vim = RbVmomi::VIM.connect host: ENV['VCENTER_HOST'], port: ENV['VCENTER_PORT'].to_i, ssl: true, insecure: false,
                           user: ENV['VCENTER_USER'], password: ENV['VCENTER_PASSWORD']
show = lambda do
  vim.serviceInstance.find_datacenter('DC0').vmFolder.children.each { |vm| puts "#{vm.name} #{vm.summary.config.uuid}" }
end
show.call
puts "it has a clock: #{vim.serviceInstance.CurrentTime.is_a?(Time)}"
puts 'paused'
$stdout.flush
File.read(ARGV[0])
show.call
puts "it has a clock: #{vim.serviceInstance.CurrentTime.is_a?(Time)}"
show.call
