package main

// What the simulator took from this machine while the inventory was built, the clock and the free space of its disk, is
// set to fixed values, so that the same read gives the same bytes at every start.

import (
	"reflect"
	"time"

	"github.com/vmware/govmomi/simulator"
)

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	datastoreCapacity = 1 << 40
	datastoreFree     = 600 << 30
)

func pinMachine() {
	seen := map[visit]bool{}
	for _, entity := range simulator.Map.All("") {
		pin(reflect.ValueOf(entity), seen)
		if ds, ok := entity.(*simulator.Datastore); ok {
			info := ds.Info.GetDatastoreInfo()
			info.FreeSpace, info.MaxFileSize, info.MaxMemoryFileSize = datastoreFree, datastoreFree, datastoreFree
			ds.Summary.Capacity, ds.Summary.FreeSpace = datastoreCapacity, datastoreFree
		}
	}
}

// visit is a pointer that was followed. The type belongs to it: a struct and its first field have the same address.
type visit struct {
	address uintptr
	kind    reflect.Type
}

// pin sets every time below v. Pointers already seen are passed over: the registry's objects refer to each other.
func pin(v reflect.Value, seen map[visit]bool) {
	switch v.Kind() {
	case reflect.Ptr:
		here := visit{v.Pointer(), v.Type()}
		if v.IsNil() || seen[here] {
			return
		}
		seen[here] = true
		pin(v.Elem(), seen)
	case reflect.Interface:
		if !v.IsNil() {
			pin(v.Elem(), seen)
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len(); i++ {
			pin(v.Index(i), seen)
		}
	case reflect.Struct:
		if instant, ok := v.Interface().(time.Time); ok {
			if v.CanSet() && !instant.IsZero() {
				v.Set(reflect.ValueOf(epoch))
			}
			return
		}
		for i := 0; i < v.NumField(); i++ {
			if v.Type().Field(i).PkgPath == "" { // exported
				pin(v.Field(i), seen)
			}
		}
	}
}
