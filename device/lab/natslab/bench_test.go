package natslab_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
)

// BenchmarkRun runs 1,500 jobs of 50 to 1,550 ms on three agents with 50 phones
// each, and reports how much longer that takes than phones that never wait.
func BenchmarkRun(b *testing.B) {
	const agents, phones, jobs = 3, 50, 1500
	for b.Loop() {
		url := serve(b)
		ctx, cancel := context.WithCancel(b.Context())
		var done sync.WaitGroup
		done.Add(jobs)
		q, err := open(b, url).Own(ctx, natslab.Run{ID: "run"}, natslab.Owner{Record: func(u lab.Update) error {
			if u.State == lab.Done {
				done.Done()
			}
			return nil
		}})
		if err != nil {
			b.Fatal(err)
		}
		var workers sync.WaitGroup
		for a := range agents {
			s, err := open(b, url).Source(ctx, fmt.Sprint("agent-", a), "")
			if err != nil {
				b.Fatal(err)
			}
			for p := range phones {
				workers.Go(func() {
					lease, err := s.Lease(ctx, fmt.Sprintf("phone-%d-%d", a, p), "agent", every)
					if err != nil {
						b.Error(err)
						return
					}
					_ = lab.Work(ctx, lease, func(ctx context.Context, c lab.Claim) error { // it ends with the run
						err := c.Firing(ctx)
						var took time.Duration
						_, _ = fmt.Sscan(string(c.Job().Work), (*int64)(&took))
						time.Sleep(took) // the phone
						return errors.Join(err, c.Done(ctx, nil))
					})
				})
			}
		}
		began := time.Now()
		var sum time.Duration
		for i := range jobs {
			took := 50*time.Millisecond + rand.N(1500*time.Millisecond)
			sum += took
			if err := q.Submit(ctx, lab.Job{ID: fmt.Sprint("job-", i), Work: fmt.Append(nil, int64(took))}); err != nil {
				b.Fatal(err)
			}
		}
		done.Wait()
		b.ReportMetric(float64(time.Since(began))/(float64(sum)/(agents*phones)), "times-ideal")
		if err := q.Close(); err != nil {
			b.Error(err)
		}
		workers.Wait()
		cancel()
	}
}

// BenchmarkState lists 500 phones of ten agents.
func BenchmarkState(b *testing.B) {
	l := open(b, serve(b))
	for a := range 10 {
		agent := natslab.Agent{Name: fmt.Sprint("agent-", a)}
		for p := range 50 {
			agent.Phones = append(agent.Phones, natslab.Phone{Key: fmt.Sprintf("phone-%d-%d", a, p),
				Info: device.Info{ID: fmt.Sprint("phone-", p), Platform: device.Android, Model: "Pixel 9", OSVersion: "16", State: device.Ready}})
		}
		if err := l.Lend(b.Context(), agent); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		state, err := l.State(b.Context())
		if err != nil || len(state.Agents) != 10 || len(state.Agents[9].Phones) != 50 {
			b.Fatal(err)
		}
	}
}
