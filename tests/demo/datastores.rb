#!/usr/bin/ruby
# The datastores of a vCenter: how large they are, how full, and how many machines lie on each.
# The vCenter is named as for inventory.py; its certificate is verified by the system's authorities or SSL_CERT_FILE.
require 'rbvmomi'

vim = RbVmomi::VIM.connect host: ENV['VCENTER_HOST'], port: (ENV['VCENTER_PORT'] || 443).to_i, ssl: true,
                           insecure: !ENV['VCENTER_INSECURE'].nil?,
                           user: ENV['VCENTER_USER'], password: ENV['VCENTER_PASSWORD']

vim.rootFolder.childEntity.grep(RbVmomi::VIM::Datacenter).each do |datacenter|
  datacenter.datastore.each do |datastore|
    summary = datastore.summary
    puts format('%-12s %-12s %8.0f GB %8.0f GB free %5d VMs', datacenter.name, summary.name,
                summary.capacity / 2.0**30, summary.freeSpace / 2.0**30, datastore.vm.size)
  end
end
vim.close
