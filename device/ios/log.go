package iphone

import (
	"log/slog"
	"sync"

	"github.com/danielpaulus/go-ios/ios"
)

// SetLogger sends what go-ios logs to a handler, without the bytes of
// messages, which may hold keys. Until it is called, go-ios logs nowhere.
// It holds for the whole process, as go-ios has it.
func SetLogger(h slog.Handler) {
	quietOnce.Do(func() {})
	ios.SetLogger(slog.New(redact{h}))
}

var quietOnce sync.Once

// quiet keeps go-ios from logging to slog's default logger, which is standard
// error, unless SetLogger was called.
func quiet() { quietOnce.Do(func() { ios.SetLogger(slog.New(slog.DiscardHandler)) }) }
