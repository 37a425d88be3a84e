package natslab

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wxctl/wxctl/device"
)

// Agent is a host that lends phones.
type Agent struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"` // of its wxctl
	Protocol int       `json:"protocol"`
	Labels   []string  `json:"labels,omitempty"`
	Since    time.Time `json:"since"`
	Phones   []Phone   `json:"-"`
}

// Phone is a phone that an agent lends.
type Phone struct {
	Key  string      `json:"key"` // the same at every host that reaches it
	Info device.Info `json:"info"`
	// WeChat is the version of the phone's WeChat; empty if it has none, or if
	// its agent has not seen yet.
	WeChat string `json:"wechat,omitempty"`
	// Apps are the versions of the apps that the agent looks for, by package or
	// bundle ID.
	Apps map[string]string `json:"apps,omitempty"`
}

// PhoneKey is the name of a phone in the lab: its own serial number if it has
// one that can be trusted, so that a phone that two hosts reach has one key.
func PhoneKey(info device.Info, agent string) string {
	if info.Hardware == "" || info.Transport == device.Virtual || info.Transport == device.Emulator {
		return info.Key() + "@" + agent
	}
	return info.Hardware
}

// Lend lists an agent and its phones in the lab. It must be called more often
// than [Lab.DeviceTTL]; entries that are not renewed disappear.
func (l *Lab) Lend(ctx context.Context, a Agent) error {
	a.Protocol = Protocol
	name := token(a.Name)
	prefix := "$KV." + devicesBucket + "."
	ctx, release := l.denied.guard(ctx, subjects{prefix + name, prefix + name + "."})
	defer release()
	put := func(key string, v any) (jetstream.PubAckFuture, error) {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		return l.js.PublishAsync(prefix+key, text)
	}
	first, err := put(name, a)
	if err != nil {
		return away(err)
	}
	acks := []jetstream.PubAckFuture{first}
	for _, p := range a.Phones {
		ack, err := put(name+"."+token(p.Key), p)
		if err != nil {
			return err
		}
		acks = append(acks, ack)
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return deniedBy(ctx, err)
		case <-ctx.Done():
			return deniedBy(ctx, ctx.Err())
		}
	}
	return nil
}

// Leave removes an agent and its phones from the list.
func (l *Lab) Leave(ctx context.Context, a Agent) error {
	name := token(a.Name)
	err := l.devices.Delete(ctx, name)
	for _, p := range a.Phones {
		if err == nil {
			err = l.devices.Delete(ctx, name+"."+token(p.Key))
		}
	}
	return err
}

// DeviceTTL is how long an agent stays listed that does not renew its entry.
func (l *Lab) DeviceTTL() time.Duration { return l.deviceTTL }

// State is a snapshot of a lab.
type State struct {
	Agents []Agent
	// Leases and marks are by phone key; marks of agents by agent.
	Leases map[string]Lease
	Marks  map[string]Mark
	Agent  map[string]Mark
	Runs   []Run // those that are open and have an owner
}

// stateTime is how long reading the state of a lab or of a run may take: 500
// phones take 0.3 s.
const stateTime = 15 * time.Second

// State reads the state of the lab.
func (l *Lab) State(ctx context.Context) (*State, error) {
	ctx, cancel := context.WithTimeout(ctx, l.stateTime)
	defer cancel()
	ctx, release := l.denied.guard(ctx, ofWatching(devicesBucket, leasesBucket, marksBucket, runsBucket))
	defer release()
	agents, phones := map[string]*Agent{}, map[string][]Phone{}
	leases, marks, runs := map[string]Lease{}, map[string]Mark{}, map[string]Run{}
	err := read(ctx, l.devices, func(key string, value []byte) error {
		if name, _, ok := strings.Cut(key, "."); ok {
			var p Phone
			err := json.Unmarshal(value, &p)
			phones[name] = append(phones[name], p)
			return err
		}
		agents[key] = &Agent{}
		return json.Unmarshal(value, agents[key])
	})
	if err == nil {
		err = read(ctx, l.leases, into(leases))
	}
	if err == nil {
		err = read(ctx, l.marks, into(marks))
	}
	if err == nil {
		err = read(ctx, l.runs, into(runs))
	}
	if err != nil {
		return nil, deniedBy(ctx, err)
	}
	s := &State{Leases: map[string]Lease{}, Marks: map[string]Mark{}, Agent: map[string]Mark{}}
	for key, a := range agents {
		a.Phones = phones[key]
		slices.SortFunc(a.Phones, func(a, b Phone) int { return strings.Compare(a.Key, b.Key) })
		for _, p := range a.Phones {
			if lease, ok := leases[token(p.Key)]; ok {
				s.Leases[p.Key] = lease
			}
			if mark, ok := marks[token(p.Key)]; ok {
				s.Marks[p.Key] = mark
			}
		}
		if mark, ok := marks[agentMark(a.Name)]; ok {
			s.Agent[a.Name] = mark
		}
		s.Agents = append(s.Agents, *a)
	}
	for _, r := range runs {
		if _, owned := leases[ownerKey(r.ID)]; owned && r.Open {
			s.Runs = append(s.Runs, r)
		}
	}
	slices.SortFunc(s.Agents, func(a, b Agent) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Runs, func(a, b Run) int { return strings.Compare(a.ID, b.ID) })
	return s, nil
}

func into[T any](all map[string]T) func(string, []byte) error {
	return func(key string, value []byte) error {
		var v T
		err := json.Unmarshal(value, &v)
		all[key] = v
		return err
	}
}

// read reads all keys of a bucket.
func read(ctx context.Context, kv jetstream.KeyValue, see func(key string, value []byte) error) error {
	watcher, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Stop() }()
	for {
		select {
		case e := <-watcher.Updates():
			if e == nil {
				return nil
			}
			if err := see(e.Key(), e.Value()); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
