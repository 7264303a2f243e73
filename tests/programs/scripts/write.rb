# Changes a VM by rbvmomi and waits for it: write.rb NAME power-on|power-off|rename NEW;
# or makes a folder: write.rb - folder NEW.
require 'rbvmomi'

name, change, value = ARGV
vim = RbVmomi::VIM.connect host: ENV['VCENTER_HOST'], port: ENV['VCENTER_PORT'].to_i, ssl: true,
                           insecure: !ENV['VCENTER_INSECURE'].to_s.empty?,
                           user: ENV['VCENTER_USER'], password: ENV['VCENTER_PASSWORD']
datacenter = vim.serviceInstance.find_datacenter('DC0')
case change
when 'folder' then puts "created #{datacenter.vmFolder.CreateFolder(name: value).name}"
when 'power-on' then datacenter.find_vm(name).PowerOnVM_Task.wait_for_completion
when 'power-off' then datacenter.find_vm(name).PowerOffVM_Task.wait_for_completion
when 'rename' then datacenter.find_vm(name).Rename_Task(newName: value).wait_for_completion
else abort 'write.rb: what?'
end
puts "#{change} #{name} done"
vim.close
