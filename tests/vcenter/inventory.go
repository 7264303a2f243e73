package main

// The inventory: built through the simulator's own methods, in a fixed order with fixed sources of chance, so that two
// starts with equal options give equal names, references and values.

import (
	"context"
	"fmt"
	mathrand "math/rand"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

const defaultIdentity = "vcenter"

type inventorySize struct {
	datacenters, clusters, hosts, standaloneHosts, pools, datastores, portgroups, vms int
}

func (n *inventorySize) check() error {
	for _, v := range []int{n.datacenters, n.clusters, n.hosts, n.standaloneHosts, n.pools, n.datastores, n.portgroups, n.vms} {
		if v < 0 {
			return fmt.Errorf("a size of the inventory is negative")
		}
	}
	if n.vms > 0 && (n.datacenters == 0 || n.datastores == 0 || n.clusters*n.hosts+n.standaloneHosts == 0) {
		return fmt.Errorf("virtual machines need a datacenter, a datastore and a host")
	}
	return nil
}

// builder carries what the steps of building share.
type builder struct {
	o          *options
	client     *vim25.Client
	names      *datastoreNames
	placements []placement
}

// placement is where a virtual machine can be put.
type placement struct {
	prefix  string
	folder  *object.Folder
	pool    *object.ResourcePool
	host    *object.HostSystem // nil: the cluster chooses
	network types.BaseVirtualDeviceBackingInfo
}

// buildInventory fills the simulator's registry and returns its service. Nothing else may run yet.
func buildInventory(o *options) (*simulator.Service, *datastoreNames, error) {
	chance := mathrand.New(mathrand.NewSource(1))
	uuid.SetRand(chance)
	defer uuid.SetRand(nil) // sessions and views must not be guessable alike in two vCenters
	mathrand.Seed(1)        // the simulator chooses hosts by it

	model := simulator.VPX()
	model.Datacenter = 0 // only the root: the rest below, where the order is ours
	model.Datastore = 0
	model.ServiceContent.About.InstanceUuid = instanceUUID(o.identity)
	model.ServiceContent.About.ApiVersion = o.apiVersion
	if err := model.Create(); err != nil {
		return nil, nil, err
	}

	ctx := context.Background()
	client, err := vim25.NewClient(ctx, model.Service)
	if err != nil {
		return nil, nil, err
	}
	b := &builder{o: o, client: client, names: &datastoreNames{}}
	for i := 0; i < o.size.datacenters; i++ {
		if err := b.datacenter(ctx, fmt.Sprintf("DC%d", i)); err != nil {
			return nil, nil, err
		}
	}
	if err := b.machines(ctx); err != nil {
		return nil, nil, err
	}
	pinMachine()
	return model.Service, b.names, nil
}

func instanceUUID(identity string) string {
	return uuid.NewSHA1(uuid.NameSpaceDNS, []byte(identity)).String()
}

func (b *builder) datacenter(ctx context.Context, name string) error {
	dc, err := object.NewRootFolder(b.client).CreateDatacenter(ctx, name)
	if err != nil {
		return err
	}
	folders, err := dc.Folders(ctx)
	if err != nil {
		return err
	}
	dvs, network, err := b.network(ctx, name, folders)
	if err != nil {
		return err
	}

	var hosts []*object.HostSystem
	var here []placement
	for i := 0; i < b.o.size.standaloneHosts; i++ {
		hostName := fmt.Sprintf("%s_H%d", name, i)
		task, err := folders.HostFolder.AddStandaloneHost(ctx, types.HostConnectSpec{HostName: hostName}, true, nil, nil)
		host, err := b.host(ctx, task, err, dvs)
		if err != nil {
			return err
		}
		pool, err := host.ResourcePool(ctx)
		if err != nil {
			return err
		}
		hosts = append(hosts, host)
		here = append(here, placement{prefix: hostName, pool: pool, host: host})
	}
	for i := 0; i < b.o.size.clusters; i++ {
		clusterName := fmt.Sprintf("%s_C%d", name, i)
		members, pool, err := b.cluster(ctx, clusterName, folders, dvs)
		if err != nil {
			return err
		}
		hosts = append(hosts, members...)
		if len(members) > 0 {
			here = append(here, placement{prefix: clusterName + "_RP0", pool: pool})
		}
	}
	for _, p := range here {
		p.folder, p.network = folders.VmFolder, network
		b.placements = append(b.placements, p)
	}

	for i := 0; i < b.o.size.datastores; i++ {
		if err := b.datastore(ctx, name, i, hosts); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) network(ctx context.Context, dc string, folders *object.DatacenterFolders) (*object.DistributedVirtualSwitch, types.BaseVirtualDeviceBackingInfo, error) {
	backing := esx.EthernetCard.Backing
	if b.o.size.portgroups == 0 {
		return nil, backing, nil
	}
	spec := types.DVSCreateSpec{ConfigSpec: &types.VMwareDVSConfigSpec{}}
	spec.ConfigSpec.GetDVSConfigSpec().Name = dc + "_DVS0"
	task, err := folders.NetworkFolder.CreateDVS(ctx, spec)
	if err != nil {
		return nil, nil, err
	}
	info, err := task.WaitForResult(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	dvs := object.NewDistributedVirtualSwitch(b.client, info.Result.(types.ManagedObjectReference))

	for i := 0; i < b.o.size.portgroups; i++ {
		name := fmt.Sprintf("%s_DVPG%d", dc, i)
		task, err := dvs.AddPortgroup(ctx, []types.DVPortgroupConfigSpec{{Name: name}})
		if err != nil {
			return nil, nil, err
		}
		if err := task.Wait(ctx); err != nil {
			return nil, nil, err
		}
		if i > 0 {
			continue
		}
		// The task does not say what it made.
		folder := simulator.Map.Get(folders.NetworkFolder.Reference()).(*simulator.Folder)
		group := simulator.Map.FindByName(name, folder.ChildEntity)
		backing, err = object.NewDistributedVirtualPortgroup(b.client, group.Reference()).EthernetCardBackingInfo(ctx)
		if err != nil {
			return nil, nil, err
		}
	}
	return dvs, backing, nil
}

func (b *builder) cluster(ctx context.Context, name string, folders *object.DatacenterFolders, dvs *object.DistributedVirtualSwitch) ([]*object.HostSystem, *object.ResourcePool, error) {
	cluster, err := folders.HostFolder.CreateCluster(ctx, name, types.ClusterConfigSpecEx{})
	if err != nil {
		return nil, nil, err
	}
	var hosts []*object.HostSystem
	for i := 0; i < b.o.size.hosts; i++ {
		spec := types.HostConnectSpec{HostName: fmt.Sprintf("%s_H%d", name, i)}
		task, err := cluster.AddHost(ctx, spec, true, nil, nil)
		host, err := b.host(ctx, task, err, dvs)
		if err != nil {
			return nil, nil, err
		}
		hosts = append(hosts, host)
	}
	pool, err := cluster.ResourcePool(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := 1; i <= b.o.size.pools; i++ {
		if _, err := pool.Create(ctx, fmt.Sprintf("%s_RP%d", name, i), types.DefaultResourceConfigSpec()); err != nil {
			return nil, nil, err
		}
	}
	return hosts, pool, nil
}

// host waits for the task that adds one, and connects it to the switch.
func (b *builder) host(ctx context.Context, task *object.Task, err error, dvs *object.DistributedVirtualSwitch) (*object.HostSystem, error) {
	if err != nil {
		return nil, err
	}
	info, err := task.WaitForResult(ctx, nil)
	if err != nil {
		return nil, err
	}
	host := object.NewHostSystem(b.client, info.Result.(types.ManagedObjectReference))
	if dvs == nil {
		return host, nil
	}
	task, err = dvs.Reconfigure(ctx, &types.DVSConfigSpec{
		Host: []types.DistributedVirtualSwitchHostMemberConfigSpec{{
			Operation: string(types.ConfigSpecOperationAdd),
			Host:      host.Reference(),
		}},
	})
	if err != nil {
		return nil, err
	}
	return host, task.Wait(ctx)
}

func (b *builder) datastore(ctx context.Context, dc string, n int, hosts []*object.HostSystem) error {
	name := fmt.Sprintf("LocalDS_%d", n)
	directory, err := filepath.Abs(filepath.Join(b.o.dir, "datastores", dc+"_"+name+".files"))
	if err != nil {
		return err
	}
	// A directory left by an earlier start would make the simulator choose other names for its machines.
	if err := os.RemoveAll(directory); err != nil {
		return err
	}
	if err := os.MkdirAll(directory, 0700); err != nil {
		return err
	}
	for _, host := range hosts {
		system, err := host.ConfigManager().DatastoreSystem(ctx)
		if err != nil {
			return err
		}
		ds, err := system.CreateLocalDatastore(ctx, name, directory)
		if err != nil {
			return err
		}
		b.names.add(directory, ds.Reference().Value, dc+"/"+name)
	}
	return nil
}

// machines spreads the virtual machines evenly over the placements: DC0_H0_VM0, …, DC0_C0_RP0_VM0, …
func (b *builder) machines(ctx context.Context) error {
	number := 0
	for i, p := range b.placements {
		share := b.o.size.vms / len(b.placements)
		if i < b.o.size.vms%len(b.placements) {
			share++
		}
		for j := 0; j < share; j++ {
			name := fmt.Sprintf("%s_VM%d", p.prefix, j)
			if b.o.identity != defaultIdentity {
				name = b.o.identity + "-" + name
			}
			if err := b.machine(ctx, p, name, number); err != nil {
				return err
			}
			number++
		}
	}
	return nil
}

func (b *builder) machine(ctx context.Context, p placement, name string, number int) error {
	guests := []types.VirtualMachineGuestOsIdentifier{
		types.VirtualMachineGuestOsIdentifierOtherGuest,
		types.VirtualMachineGuestOsIdentifierDebian10_64Guest,
		types.VirtualMachineGuestOsIdentifierRhel7_64Guest,
		types.VirtualMachineGuestOsIdentifierWindows9Server64Guest,
	}
	config := types.VirtualMachineConfigSpec{
		Name:     name,
		GuestId:  string(guests[number%len(guests)]),
		NumCPUs:  int32(1 << (number % 4)),
		MemoryMB: int64(1024 << (number % 5)),
		Files:    &types.VirtualMachineFileInfo{VmPathName: "[LocalDS_0]"},
	}

	card := esx.EthernetCard
	card.Backing = p.network
	var devices object.VirtualDeviceList
	scsi, err := devices.CreateSCSIController("pvscsi")
	if err != nil {
		return err
	}
	ide, err := devices.CreateIDEController()
	if err != nil {
		return err
	}
	cdrom, err := devices.CreateCdrom(ide.(*types.VirtualIDEController))
	if err != nil {
		return err
	}
	if backing, ok := cdrom.Backing.(*types.VirtualCdromAtapiBackingInfo); ok {
		backing.DeviceName = "cdrom-" + name // govmomi puts an address of this process into it
	}
	disk := devices.CreateDisk(scsi.(types.BaseVirtualController), types.ManagedObjectReference{}, "[LocalDS_0] "+name+"/disk1.vmdk")
	disk.CapacityInKB = 1024
	devices = append(devices, scsi, cdrom, disk, &card)
	if config.DeviceChange, err = devices.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd); err != nil {
		return err
	}

	task, err := p.folder.CreateVM(ctx, config, p.pool, p.host)
	if err != nil {
		return err
	}
	info, err := task.WaitForResult(ctx, nil)
	if err != nil {
		return err
	}
	vm := object.NewVirtualMachine(b.client, info.Result.(types.ManagedObjectReference))
	task, err = vm.PowerOn(ctx)
	if err != nil {
		return err
	}
	if err := task.Wait(ctx); err != nil {
		return err
	}

	// Names and addresses of their own, for FindByDnsName and FindByIp and for the reports of monitoring checks.
	guest := simulator.Map.Get(vm.Reference()).(*simulator.VirtualMachine)
	guest.Guest.HostName = name
	guest.Guest.IpAddress = fmt.Sprintf("10.%d.%d.%d", number>>16, number>>8&255, number&255)
	guest.Summary.Guest.HostName = guest.Guest.HostName
	guest.Summary.Guest.IpAddress = guest.Guest.IpAddress
	return nil
}
