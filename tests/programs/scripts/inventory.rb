# Every VM of the first datacenter, by rbvmomi: found in the tree, properties in one read, and some one by one.
require 'rbvmomi'

vim = RbVmomi::VIM.connect host: ENV['VCENTER_HOST'], port: ENV['VCENTER_PORT'].to_i, ssl: true,
                           insecure: !ENV['VCENTER_INSECURE'].to_s.empty?,
                           user: ENV['VCENTER_USER'], password: ENV['VCENTER_PASSWORD']
datacenter = vim.serviceInstance.find_datacenter('DC0')
view = vim.serviceContent.viewManager.CreateContainerView container: vim.rootFolder, type: ['VirtualMachine'],
                                                          recursive: true
found = vim.propertyCollector.RetrieveProperties(
  specSet: [{ objectSet: [{ obj: view, skip: true, selectSet: [
    RbVmomi::VIM.TraversalSpec(name: 'view', type: 'ContainerView', path: 'view')
  ] }], propSet: [{ type: 'VirtualMachine', pathSet: ['name', 'runtime.powerState', 'config.hardware.memoryMB'] }] }]
)
found.each { |vm| puts "#{vm['name']} #{vm['runtime.powerState']} #{vm['config.hardware.memoryMB']} MiB" }
view.DestroyView
vm = datacenter.find_vm('DC0_H0_VM0')
puts "#{vm.name} runs on #{vm.runtime.host.name}, #{vm.config.guestFullName.inspect}"
index = vim.serviceContent.searchIndex
puts "by its UUID: #{index.FindByUuid(uuid: vm.config.uuid, vmSearch: true).name}"
vim.close
