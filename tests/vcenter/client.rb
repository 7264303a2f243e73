# What the tests' vCenter must do for rbvmomi, said as assertions.
require 'rbvmomi'

def check(what)
  raise "not so: #{what}" unless yield
end

vim = RbVmomi::VIM.connect host: ENV['VCENTER_HOST'], port: ENV['VCENTER_PORT'].to_i, ssl: true, insecure: true,
                           user: ENV['VCENTER_USER'], password: ENV['VCENTER_PASSWORD']
datacenter = vim.serviceInstance.find_datacenter('DC0')
vm = datacenter.find_vm('DC0_H0_VM0')
check('a VM is found by its name') { vm && vm.name == 'DC0_H0_VM0' }
check('and by its UUID') do
  vim.serviceContent.searchIndex.FindByUuid(uuid: vm.config.uuid, vmSearch: true)._ref == vm._ref
end

vm.PowerOffVM_Task.wait_for_completion
check('it is off') { vm.runtime.powerState == 'poweredOff' }
vm.PowerOnVM_Task.wait_for_completion
check('it is on') { vm.runtime.powerState == 'poweredOn' }
begin
  vm.PowerOnVM_Task.wait_for_completion
  raise 'powering on twice was not refused'
rescue RbVmomi::Fault => e
  check('the fault says why') { e.message.include? 'InvalidPowerState' }
end
vm.Rename_Task(newName: 'renamed').wait_for_progress { |_| }
check('it is renamed') { vm.name == 'renamed' }
vm.Rename_Task(newName: 'DC0_H0_VM0').wait_for_completion

view = vim.serviceContent.viewManager.CreateContainerView container: vim.rootFolder, type: ['VirtualMachine'],
                                                          recursive: true
check('the view has them all') { view.view.size == 10 }
page = vim.propertyCollector.RetrievePropertiesEx(
  specSet: [{ objectSet: [{ obj: view, skip: true, selectSet: [
    RbVmomi::VIM.TraversalSpec(name: 'view', type: 'ContainerView', path: 'view')
  ] }], propSet: [{ type: 'VirtualMachine', pathSet: ['name', 'config.hardware.device', 'datastore'] }] }],
  options: { maxObjects: 6 }
)
check('a first page') { page.objects.size == 6 && page.token }
page = vim.propertyCollector.ContinueRetrievePropertiesEx(token: page.token)
check('a last page') { page.objects.size == 4 && !page.token && page.objects[0].propSet.size == 3 }
view.DestroyView

check('performance') { vim.serviceContent.perfManager.retrieve_stats([vm], ['cpu.usagemhz']).size == 1 }
vim.serviceContent.sessionManager.SetLocale locale: 'fr'
check('the locale') { vim.serviceContent.sessionManager.currentSession.locale == 'fr' }
check('the clock') { vim.serviceInstance.CurrentTime }
vim.close
