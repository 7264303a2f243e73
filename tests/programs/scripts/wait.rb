# Renames a VM and back and waits for each: wait.rb completion|progress|for-ever NAME; for-ever waits for a change that
# does not come. What the origin refuses is printed. WAIT_TOGETHER is a fifo to be opened before the tasks begin.
require 'rbvmomi'

$stdout.sync = true
way, name = ARGV
begin
  vim = RbVmomi::VIM.connect host: ENV['VCENTER_HOST'], port: ENV['VCENTER_PORT'].to_i, ssl: true,
                             insecure: !ENV['VCENTER_INSECURE'].to_s.empty?,
                             user: ENV['VCENTER_USER'], password: ENV['VCENTER_PASSWORD']
  vm = vim.serviceInstance.find_datacenter('DC0').find_vm(name)
  File.read(ENV['WAIT_TOGETHER']) if ENV['WAIT_TOGETHER']
  if way == 'for-ever'
    puts vm.name
    rounds = 0
    vm.wait_until('name') do
      puts "round #{rounds += 1}"
      false
    end
  end
  ["#{name}-renamed", name].each do |new|
    task = vm.Rename_Task(newName: new)
    case way
    when 'completion' then task.wait_for_completion
    when 'progress' then task.wait_for_progress { |_| }
    end
    puts "#{task.info.state} #{vm.name}"
  end
  vim.close
rescue RbVmomi::Fault => e
  puts e.message
end
