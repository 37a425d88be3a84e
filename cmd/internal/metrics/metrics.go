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

// Agent holds the metrics of one agent.
type Agent struct {
	registry *prometheus.Registry
	phones   prometheus.GaugeFunc
	leases   prometheus.Gauge
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
}

// NewAgent returns the metrics of an agent; phones returns how many phones it
// lends.
func NewAgent(phones func() float64) *Agent {
	a := &Agent{
		registry: prometheus.NewRegistry(),
		phones:   prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wxctl_phones", Help: "Phones that this agent lends."}, phones),
		leases:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "wxctl_leases", Help: "Phones that this agent has leased."}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wxctl_attempts_total", Help: "Attempts at cases that ended here."},
			[]string{"status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wxctl_attempt_seconds", Help: "How long attempts took.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120}}),
	}
	a.registry.MustRegister(a.phones, a.leases, a.attempts, a.seconds)
	return a
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
