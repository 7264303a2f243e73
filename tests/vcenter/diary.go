package main

// The diary: what the virtual machines and folders were, and when, for a test that judges what programs were shown. One
// JSON object a line, the first for what there was at the start, then one for every request or task that changed
// something.

import (
	"bytes"
	"encoding/json"
	"os"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// diary is guarded by the front's lock. A nil diary keeps nothing.
type diary struct {
	file  *os.File
	roots []types.ManagedObjectReference // every datacenter's folder of virtual machines
	told  map[string][]byte              // object → what was last written of it
}

// page is one line: the change took effect between From and To (nanoseconds of CLOCK_MONOTONIC, which is the same for
// all processes), and no other change did.
type page struct {
	From    int64                      `json:"from"`
	To      int64                      `json:"to"`
	By      string                     `json:"by"` // the operationID of the request that did it, or that started the task
	Objects map[string]json.RawMessage `json:"objects"`
}

type machineState struct {
	Name       string `json:"name"`
	Annotation string `json:"annotation"`
	CPUs       int32  `json:"cpus"`
	Power      string `json:"power"`
	Parent     string `json:"parent"`
	UUID       string `json:"uuid"`
}

type folderState struct {
	Name     string   `json:"name"`
	Parent   string   `json:"parent"`
	Children []string `json:"children"`
}

func openDiary(name string) (*diary, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0600)
	if err != nil {
		return nil, err
	}
	d := &diary{file: file, told: map[string][]byte{}}
	for _, e := range simulator.Map.All("Datacenter") {
		d.roots = append(d.roots, e.(*simulator.Datacenter).VmFolder)
	}
	return d, d.note(monotonic(), "")
}

// note writes what has changed since it was last called. from is the moment before the work.
func (d *diary) note(from int64, by string) error {
	if d == nil {
		return nil
	}
	objects := map[string][]byte{}
	for _, root := range d.roots {
		d.look(root, objects)
	}
	changed := map[string]json.RawMessage{}
	for name, state := range objects {
		if !bytes.Equal(state, d.told[name]) {
			changed[name] = state
		}
	}
	for name := range d.told {
		if objects[name] == nil {
			changed[name] = json.RawMessage("null")
		}
	}
	if len(changed) == 0 {
		return nil
	}
	d.told = objects
	line, err := json.Marshal(page{From: from, To: monotonic(), By: by, Objects: changed})
	if err == nil {
		_, err = d.file.Write(append(line, '\n'))
	}
	return err
}

// look collects an object and what is below it.
func (d *diary) look(ref types.ManagedObjectReference, objects map[string][]byte) {
	var state interface{}
	switch e := simulator.Map.Get(ref).(type) {
	case *simulator.VirtualMachine:
		state = machineState{
			Name:       e.Name,
			Annotation: e.Config.Annotation,
			CPUs:       e.Config.Hardware.NumCPU,
			Power:      string(e.Runtime.PowerState),
			Parent:     e.Parent.Value,
			UUID:       e.Config.Uuid,
		}
	case *simulator.Folder:
		children := []string{}
		for _, child := range e.ChildEntity {
			children = append(children, child.Value)
			d.look(child, objects)
		}
		state = folderState{Name: e.Name, Parent: e.Parent.Value, Children: children}
	default:
		return
	}
	if line, err := json.Marshal(state); err == nil {
		objects[ref.Value] = line
	}
}
