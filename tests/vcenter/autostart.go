package main

// The simulator's hosts name a HostAutoStartManager that does not exist, and libvirt's dominfo asks it.

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func addAutoStart() {
	enabled := false
	for _, entity := range simulator.Map.All("HostSystem") {
		host, ok := entity.(*simulator.HostSystem)
		if !ok || host.ConfigManager.AutoStartManager == nil {
			continue
		}
		config := *esx.HostConfigInfo.AutoStart
		defaults := types.AutoStartDefaults{Enabled: &enabled, StopAction: "PowerOff"}
		config.Defaults = &defaults
		simulator.Map.Put(&mo.HostAutoStartManager{Self: *host.ConfigManager.AutoStartManager, Config: config})
	}
}
