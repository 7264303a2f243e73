package main

// Tasks that take time. The simulator's are done before it answers; with --task-time the client is given one that is
// running, and the work is done when it ends, so that a test can look at the world in between.

import (
	"net/http"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// slowTask answers a _Task operation with a running task; nil if there is no such object, for the simulator to say so.
func (x *exchange) slowTask() *answer {
	f := x.front
	kind, id := x.request.this.kind, x.request.this.value
	object := simulator.Map.Get(types.ManagedObjectReference{Type: kind, Value: id})
	if object == nil {
		return nil
	}

	// The work is done as the front: the client may have logged out by then.
	who := visitor{session: f.origin.own, agent: x.http.UserAgent(), address: x.http.RemoteAddr}
	raw, id := x.request.raw, x.request.id()
	name := strings.TrimSuffix(x.request.operation, "_Task")
	task := simulator.CreateTask(object, strings.ToLower(name[:1])+name[1:]+"Task",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			return workedOut(f.origin.call(who, raw))
		})
	simulator.Map.Update(task, []types.PropertyChange{
		{Name: "info.startTime", Val: time.Now()},
		{Name: "info.state", Val: types.TaskInfoStateRunning},
	})
	f.announce()

	f.endLater(func() {
		from := monotonic()
		task.Run()
		f.noted(f.diary.note(from, id))
		f.announce()
	})
	return success(x.request.operation, `<returnval type="Task">`+escape(task.Self.Value)+`</returnval>`)
}

// runningTask is one that has not ended.
type runningTask struct {
	timer *time.Timer
	end   func()
}

// endLater has a task end when its time has come, unless endTasks comes first. The caller holds the front's lock.
func (f *front) endLater(end func()) {
	task := &runningTask{end: end}
	task.timer = time.AfterFunc(f.trouble.taskTime(), func() {
		f.lock.Lock()
		defer f.lock.Unlock()
		for i, other := range f.running {
			if other == task {
				f.running = append(f.running[:i:i], f.running[i+1:]...)
				end()
				return
			}
		}
	})
	f.running = append(f.running, task)
}

// endTasks ends all that are running, in the order of their beginning, and returns how many there were.
func (f *front) endTasks() int {
	f.lock.Lock()
	defer f.lock.Unlock()
	ended := f.running
	f.running = nil
	for _, task := range ended {
		task.timer.Stop()
		task.end()
	}
	return len(ended)
}

// workedOut takes over the result of the task that the simulator made and finished.
func workedOut(r reply) (types.AnyType, types.BaseMethodFault) {
	_, value := returned(r.body)
	if r.status != http.StatusOK || value == nil {
		return nil, &types.SystemError{Reason: "the operation was refused"}
	}
	done, ok := simulator.Map.Get(types.ManagedObjectReference{Type: "Task", Value: value.text(r.body)}).(*simulator.Task)
	if !ok {
		return nil, &types.SystemError{Reason: "the operation made no task"}
	}
	if done.Info.Error != nil {
		return nil, done.Info.Error.Fault
	}
	return done.Info.Result, nil
}
