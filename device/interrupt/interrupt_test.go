package interrupt_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/wxctl/wxctl/device/interrupt"
)

func TestWhen(t *testing.T) {
	failed := errors.New("failed")
	never := func() { t.Error("interrupted") }
	if ended, err := interrupt.When(t.Context(), never, func() error { return failed }); ended || err != failed {
		t.Errorf("%v, %v", ended, err)
	}
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	closed := false
	ended, err := interrupt.When(ctx, func() { closed = w.CloseWithError(failed) == nil }, func() error {
		cancel()
		_, err := r.Read(make([]byte, 1))
		return err
	})
	if !ended || !closed || err != failed {
		t.Errorf("%v, %v, closed %v", ended, err, closed)
	}
	// A context that has ended interrupts at once.
	woken := make(chan struct{})
	if ended, err := interrupt.When(ctx, func() { close(woken) }, func() error { <-woken; return nil }); !ended || err != nil {
		t.Errorf("%v, %v", ended, err)
	}
}
