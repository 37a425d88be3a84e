package agent_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wxctl/wxctl/device/android/agent"
)

// A line of the agent is an answer or an event.
func ExampleParseLine() {
	for _, line := range []string{
		`{"id":1,"ok":{"result":3,"word":"DELIVERED_TO_TOP","atMs":1732282655000}}`,
		`{"id":2,"error":{"kind":"SecurityException","message":"not exported from uid 10123"}}`,
		`{"event":{"line":"I wm_new_intent: [0,1,2,com.tencent.mm/.ui.LauncherUI]","atMs":1732282655123}}`,
	} {
		l, err := agent.ParseLine([]byte(line))
		if err != nil {
			fmt.Println(err)
			continue
		}
		switch {
		case l.Event != nil:
			fmt.Println("event:", l.Event.Line)
		case l.Error != nil:
			fmt.Println("error:", l.Error)
		default:
			var started agent.Started
			if err := json.Unmarshal(l.OK, &started); err != nil {
				fmt.Println(err)
			}
			fmt.Println("started:", started.OK(), started.Word)
		}
	}
	// Output:
	// started: true DELIVERED_TO_TOP
	// error: the phone's agent answered "SecurityException": "not exported from uid 10123"
	// event: I wm_new_intent: [0,1,2,com.tencent.mm/.ui.LauncherUI]
}

// A line that this version of the agent does not send is not a hello.
func ExampleParseHello() {
	hello, err := agent.ParseHello([]byte(`{"agent":"1","api":34,"uid":2000,"pid":4711}`))
	fmt.Println(hello.API, err)
	_, err = agent.ParseHello([]byte("Aborted"))
	fmt.Println(err)
	_, err = agent.ParseHello([]byte(`{"agent":"1","uid":0,"error":{"kind":"ForbiddenUser","message":"the agent does not run as uid 0"}}`))
	var refused *agent.Error
	fmt.Println(errors.As(err, &refused) && refused.Kind == agent.KindForbiddenUser)
	// Output:
	// 34 <nil>
	// the phone's agent sent "Aborted" instead of its greeting: no JSON object
	// true
}
