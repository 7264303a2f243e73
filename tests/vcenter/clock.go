package main

import (
	"syscall"
	"unsafe"
)

// monotonic returns the nanoseconds of CLOCK_MONOTONIC, which is the same for all processes.
func monotonic() int64 {
	var t syscall.Timespec
	const clockMonotonic = 1
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}
