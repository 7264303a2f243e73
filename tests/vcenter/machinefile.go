package main

// A machine's .vmx file: the simulator leaves it empty, and libvirt reads all it says of a machine's devices in it.

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// machineFile answers a GET of a machine's .vmx; nil if it is none.
func machineFile(u *url.URL) *answer {
	name := fmt.Sprintf("[%s] %s", u.Query().Get("dsName"), strings.TrimPrefix(u.Path, "/folder/"))
	for _, entity := range simulator.Map.All("VirtualMachine") {
		if vm, ok := entity.(*simulator.VirtualMachine); ok && vm.Config.Files.VmPathName == name {
			return &answer{status: http.StatusOK, contentType: "application/octet-stream", body: []byte(vmx(vm.Config))}
		}
	}
	return nil
}

// vmx writes the settings in the order of their names, as a host does not: order means nothing in the file.
func vmx(config *types.VirtualMachineConfigInfo) string {
	settings := map[string]string{
		"config.version":    "8",
		"virtualHW.version": "13",
		"displayName":       config.Name,
		"guestOS":           strings.ToLower(strings.TrimSuffix(config.GuestId, "Guest")),
		"memSize":           fmt.Sprint(config.Hardware.MemoryMB),
		"numvcpus":          fmt.Sprint(config.Hardware.NumCPU),
		"uuid.bios":         vmxUUID(config.Uuid),
		"vc.uuid":           vmxUUID(config.InstanceUuid),
	}
	devices := object.VirtualDeviceList(config.Hardware.Device)
	for _, device := range devices {
		addDevice(settings, devices, device)
	}

	var lines []string
	for name, value := range settings {
		lines = append(lines, fmt.Sprintf("%s = \"%s\"\n", name, value))
	}
	sort.Strings(lines)
	return ".encoding = \"UTF-8\"\n" + strings.Join(lines, "")
}

func addDevice(settings map[string]string, devices object.VirtualDeviceList, device types.BaseVirtualDevice) {
	say := func(prefix string, pairs ...string) {
		settings[prefix+".present"] = "TRUE"
		for i := 0; i < len(pairs); i += 2 {
			settings[prefix+"."+pairs[i]] = pairs[i+1]
		}
	}
	switch d := device.(type) {
	case *types.ParaVirtualSCSIController:
		say(fmt.Sprintf("scsi%d", d.BusNumber), "virtualDev", "pvscsi")
	case *types.VirtualDisk:
		if backing, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
			file := backing.FileName[strings.LastIndex(backing.FileName, "/")+1:]
			say(slot(devices, "scsi", d.ControllerKey, d.UnitNumber), "deviceType", "scsi-hardDisk", "fileName", file)
		}
	case *types.VirtualCdrom:
		say(slot(devices, "ide", d.ControllerKey, d.UnitNumber), "deviceType", "atapi-cdrom", "fileName", "auto detect", "startConnected", "FALSE")
	case *types.VirtualE1000:
		say("ethernet0", "virtualDev", "e1000", "networkName", "VM Network", "addressType", "vpx", "generatedAddress", d.MacAddress)
	}
}

// slot is where a device sits: "scsi0:0".
func slot(devices object.VirtualDeviceList, bus string, controller int32, unit *int32) string {
	number, at := int32(0), int32(0)
	if c, ok := devices.FindByKey(controller).(types.BaseVirtualController); ok {
		number = c.GetVirtualController().BusNumber
	}
	if unit != nil {
		at = *unit
	}
	return fmt.Sprintf("%s%d:%d", bus, number, at)
}

// vmxUUID spells an UUID as these files do: "26 51 04 de 14 72 54 7c-b8 73 6d c7 88 3f b6 cb".
func vmxUUID(text string) string {
	id, err := uuid.Parse(text)
	if err != nil {
		return text
	}
	return fmt.Sprintf("% x-% x", id[:8], id[8:])
}
