package android_test

import (
	"context"
	"fmt"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/intents"
)

// A share on a virtual phone in this process; for a real one, only the server's
// address differs.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server, err := virtualandroid.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	fleet := &device.Fleet{Backends: []device.Backend{&android.Backend{Server: android.Server{Addr: server.ADB}}}}
	phones, err := fleet.Select(ctx, device.Selector{})
	if err != nil {
		fmt.Println(err)
		return
	}
	phone, err := fleet.Open(ctx, phones.Phones[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	defer phone.Close()
	outcome, err := phone.Deliver(ctx, device.Job{
		Request: intents.Share{
			Scene:   intents.SceneSession,
			Message: intents.Message{Title: new("Hello"), Object: intents.Webpage{URL: new("https://example.com")}},
		},
		Until: device.Opened,
	})
	fmt.Println(outcome.Route, outcome.State, err)
	fmt.Println(outcome.Evidence[len(outcome.Evidence)-1].What)
	// Output:
	// sdk opened <nil>
	// chat picker opened
}
