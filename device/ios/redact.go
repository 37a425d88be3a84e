package iphone

import (
	"context"
	"log/slog"
)

// redact passes log records on with their message and the attributes that
// hold no message of a phone: go-ios logs whole pair records, private keys
// included, when it can't read one.
type redact struct{ slog.Handler }

var plainAttributes = map[string]bool{
	"module": true, "error": false, "udid": true, "service": true, "Port": true, "port": true, "address": true,
	"length": true, "expected": true, "sent": true, "type": true, "device": true,
}

func (r redact) Handle(ctx context.Context, record slog.Record) error {
	kept := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if plainAttributes[a.Key] {
			kept.AddAttrs(a)
		}
		return true
	})
	return r.Handler.Handle(ctx, kept)
}

func (r redact) WithAttrs(attrs []slog.Attr) slog.Handler { return r }

func (r redact) WithGroup(name string) slog.Handler { return r }
