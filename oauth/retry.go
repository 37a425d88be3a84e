package oauth

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxAttempts limits how often one call is sent.
const maxAttempts = 4

const (
	firstPause  = 500 * time.Millisecond // doubles each time
	minutePause = 60 * time.Second       // "api minute-quota reach limit, … retry next minute"
)

// retryPause returns how long to wait before the call is sent again, or 0 if it
// must not be: never for the exchange; for the others if the errcode says that
// the same request can succeed later, and the context lasts that long.
func retryPause(ctx context.Context, failure *Error, attempt int) time.Duration {
	if failure.Op == OpExchange || failure.Kind != KindErrcode || attempt >= maxAttempts {
		return 0
	}
	var pause time.Duration
	switch failure.Errcode().Retry {
	case RetryAfterPause:
		pause = firstPause << (attempt - 1)
	case RetryNextMinute:
		pause = minutePause
	default:
		return 0
	}
	pause += rand.N(pause / 2) // so that many clients don't come back at once
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return 0
	}
	return pause
}

// sleep waits and reports whether the context lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
