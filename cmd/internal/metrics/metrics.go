// Package metrics exports an agent's metrics in Prometheus format.
package metrics

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Source is where an agent's metrics come from that are looked up when they are
// asked for.
type Source interface {
	// PhonesByState is how many phones the agent has in each state.
	PhonesByState() map[string]int
	// Waiting is how many jobs of the lab no phone has taken, and how long the
	// oldest has waited.
	Waiting(context.Context) (jobs uint64, oldest time.Duration, err error)
}

// Agent holds the metrics of one agent.
type Agent struct {
	registry *prometheus.Registry
	leases   prometheus.Gauge
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
}

// NewAgent returns the metrics of an agent.
func NewAgent(source Source) *Agent {
	a := &Agent{
		registry: prometheus.NewRegistry(),
		leases:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "wxctl_leases", Help: "Phones that this agent has leased."}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wxctl_attempts_total", Help: "Attempts at cases that ended here."},
			[]string{"status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wxctl_attempt_seconds", Help: "How long attempts took.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120}}),
	}
	a.registry.MustRegister(a.leases, a.attempts, a.seconds, &current{
		source: source,
		phones: prometheus.NewDesc("wxctl_phones", "Phones of this agent.", []string{"state"}, nil),
		jobs:   prometheus.NewDesc("wxctl_queue_jobs", "Jobs of the lab that no phone has taken.", nil, nil),
		oldest: prometheus.NewDesc("wxctl_queue_age_seconds", "How long the oldest job of the lab has waited for a phone.", nil, nil),
	})
	return a
}

// current are the metrics that are looked up when they are asked for.
type current struct {
	source               Source
	phones, jobs, oldest *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *current) Describe(to chan<- *prometheus.Desc) { to <- c.phones; to <- c.jobs; to <- c.oldest }

// askFor is how long the lab may take to answer, well below the 10 s of
// Prometheus' default scrape_timeout.
const askFor = 2 * time.Second

// Collect implements prometheus.Collector.
func (c *current) Collect(to chan<- prometheus.Metric) {
	for state, n := range c.source.PhonesByState() {
		to <- prometheus.MustNewConstMetric(c.phones, prometheus.GaugeValue, float64(n), state)
	}
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	if jobs, oldest, err := c.source.Waiting(ctx); err == nil { // otherwise they are absent
		to <- prometheus.MustNewConstMetric(c.jobs, prometheus.GaugeValue, float64(jobs))
		to <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, oldest.Seconds())
	}
}

// Leased adds n to the number of leases.
func (a *Agent) Leased(n int) { a.leases.Add(float64(n)) }

// Attempt counts an attempt.
func (a *Agent) Attempt(status string, took time.Duration) {
	a.attempts.WithLabelValues(status).Inc()
	a.seconds.Observe(took.Seconds())
}

// Serve serves the numbers at /metrics until stop, and returns where.
func (a *Agent) Serve(ctx context.Context, address string) (where string, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // it ends with Close
	}()
	return listener.Addr().String(), func() {
		_ = server.Close()
		<-ended
	}, nil
}
