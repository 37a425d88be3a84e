package android

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// sourceTask is evidence from the Intent that created a task.
const sourceTask = "base intent"

// tellsExtras reports whether an API level lets adb's shell read the extras of
// tasks' base Intents: API 30 strips them everywhere (AOSP API 30
// Task.fillTaskInfo, RecentTasks.createRecentTaskInfo).
func tellsExtras(api int) bool { return api != 30 }

// readTasks checks whether the activity in which WeChat calls the app back is
// the root of a task: then the Intent that created the task is the reply. This
// is the fallback if attaching to the app is impossible. A task can outlive its
// reply, so a reply only counts with the request's transaction, which WeChat
// echoes. It is held back for a while, since the app's hook may still log it.
func (p *Phone) readTasks(ctx context.Context, o *observer) error {
	asked := o.askTasks
	o.askTasks = false
	if !asked || o.Forging() {
		return nil
	}
	transaction := o.Job.Request.Base().Transaction
	// An app that was attached to only after its start may have been called
	// before.
	if inside, _ := o.inside.watched(); inside && o.lookBack == nil || o.held != nil || transaction == nil || !tellsExtras(p.agent.hello.API) {
		return nil
	}
	var tasks agent.Tasks
	// The last of the entries is the activity itself, if the first is an alias:
	// the system identifies tasks by it (AOSP API 34 Task.setIntent).
	list := &ask{Request: agent.Request{Verb: agent.ListTasks, User: o.user, Component: o.entries[len(o.entries)-1]}, into: &tasks}
	if err := p.agent.do(ctx, list); err != nil {
		return err
	}
	if list.err != nil {
		o.See(time.Since(o.Begin), device.NotSent, "", fmt.Sprintf("the phone does not list the app's tasks: %v", list.err), sourceTask)
		return nil
	}
	for _, extras := range tasks.Tasks {
		if reply := replyOf(extras); reply != nil && o.OtherReply(reply) == "" {
			if t := reply.Answer().Transaction; t != nil && *t == *transaction {
				o.held = reply
			}
		}
	}
	return nil
}

// replyOf reads what the SDK would accept as a reply; nil otherwise.
func replyOf(told map[string]json.RawMessage) intents.Reply {
	var extras androidwire.Extras
	for key, data := range told {
		var value androidwire.Value
		if json.Unmarshal(data, &value) == nil { // the SDK reads no extra of another type
			extras.Set(key, value)
		}
	}
	reply, _, err := androidwire.DecodeReply(androidwire.Intent{Extras: extras}, androidwire.SDK6834)
	if err != nil {
		return nil
	}
	return reply
}

// useHeld uses the reply that was read from a task.
func (o *observer) useHeld() {
	o.Answer = o.held
	o.See(time.Since(o.Begin), device.Replied, "",
		fmt.Sprintf("the task of %s was created with the reply", shortComponent(o.entries[len(o.entries)-1])), sourceTask)
}
