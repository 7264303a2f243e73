package main

// The simulator's PerformanceManager crashes on QueryPerfCounter, returns nothing where a query names no maxSample, and
// draws noise anew at every QueryPerf.

import (
	mathrand "math/rand"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// The simulator calls methods by name on whatever is registered, so one that embeds its type may answer instead.
type performanceManager struct {
	simulator.PerformanceManager
}

func addPerformance() {
	content := simulator.Map.Get(types.ManagedObjectReference{Type: "ServiceInstance", Value: "ServiceInstance"}).(*simulator.ServiceInstance).Content
	old := simulator.Map.Get(*content.PerfManager).(*simulator.PerformanceManager)
	simulator.Map.Put(&performanceManager{PerformanceManager: *old})
}

// QueryPerfCounter returns the counters named.
func (p *performanceManager) QueryPerfCounter(_ *simulator.Context, r *types.QueryPerfCounter) soap.HasFault {
	body := &methods.QueryPerfCounterBody{Res: &types.QueryPerfCounterResponse{}}
	for _, id := range r.CounterId {
		found := false
		for _, counter := range p.PerfCounter {
			if counter.Key == id {
				body.Res.Returnval = append(body.Res.Returnval, counter)
				found = true
				break
			}
		}
		if !found {
			body.Res = nil
			body.Fault_ = simulator.Fault("A specified parameter was not correct: counterId",
				&types.InvalidArgument{InvalidProperty: "counterId"})
			return body
		}
	}
	return body
}

// QueryPerf makes the same query give the same numbers: tests compare what came from a cache with what did not.
func (p *performanceManager) QueryPerf(ctx *simulator.Context, r *types.QueryPerf) soap.HasFault {
	for i := range r.QuerySpec {
		q := &r.QuerySpec[i]
		if q.MaxSample == 0 {
			q.MaxSample = 15 // five minutes of the 20 second samples
		}
	}
	mathrand.Seed(1)
	return p.PerformanceManager.QueryPerf(ctx, r)
}
