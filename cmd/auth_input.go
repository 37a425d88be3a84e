package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/input"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
)

const (
	maxStdin = 64 << 10 // bytes read from stdin for one value
	maxValue = 2048     // bytes of a code, token or secret; about 110 is the longest seen
)

// readStdin reads one secret value from stdin: a pipe, or a prompt without
// echo on a terminal. what names it in errors. An empty value is the zero
// Secret.
func (f *Factory) readStdin(ctx context.Context, what string) (oauth.Secret, error) {
	if f.Streams.InTTY {
		line, err := f.Streams.ReadSecret(ctx, f.Streams.Translate(what)+": ")
		if err != nil {
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				return oauth.Secret{}, err
			}
			return oauth.Secret{}, exit.Usagef("pipe it in", "the %s can't be read from this terminal", what)
		}
		return cleanValue(line, what)
	}
	data, err := f.readAll(ctx, what, maxStdin+1)
	switch {
	case err != nil:
		return oauth.Secret{}, err
	case len(data) > maxStdin:
		return oauth.Secret{}, exit.Usagef("pipe in the value alone", "stdin holds more than %d bytes, too many for the %s", maxStdin, what)
	}
	if data, err = input.Decode(data, "the "+what+" on stdin"); err != nil {
		return oauth.Secret{}, err
	}
	return cleanValue(string(data), what)
}

// readAll reads stdin to its end, but no more than limit bytes, and waits for
// it no longer than ctx. what names what is read in errors.
func (f *Factory) readAll(ctx context.Context, what string, limit int64) ([]byte, error) {
	type input struct {
		data []byte
		err  error
	}
	inputs := make(chan input, 1)
	go func() { // blocked on an open pipe, it ends with the process
		data, err := io.ReadAll(io.LimitReader(f.Streams.In, limit))
		inputs <- input{data, err}
	}()
	select {
	case in := <-inputs:
		if in.err != nil {
			return nil, exit.Usagef("pipe it in", "the %s can't be read from stdin", what)
		}
		return in.data, nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("waiting for the %s on stdin: %w", what, ctx.Err())
	}
}

// cleanValue removes what pasting and piping add: white space, line ends,
// quotes. The value itself is one word of printable ASCII.
func cleanValue(text, what string) (oauth.Secret, error) {
	text = strings.TrimSpace(text)
	for _, quote := range []string{`"`, `'`, "`"} {
		if len(text) >= 2 && strings.HasPrefix(text, quote) && strings.HasSuffix(text, quote) {
			text = strings.TrimSpace(text[1 : len(text)-1])
		}
	}
	if len(text) > maxValue {
		return oauth.Secret{}, exit.Usagef("pipe in the value alone", "the %s is longer than %d bytes", what, maxValue)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return oauth.Secret{}, exit.Usagef("pipe in the value alone, without a name before it",
				"the %s is not one word of printable ASCII", what)
		}
	}
	return oauth.NewSecret(text), nil
}

// callbackCode takes the code out of what else a callback brings with it: the
// whole URL with which WeChat opens the app, or its query. Other text is
// returned as it is.
func callbackCode(text string) (string, error) {
	text = strings.TrimSpace(text)
	before, query, isURL := strings.Cut(text, "?")
	switch {
	case isURL && strings.Contains(before, ":/"):
	case strings.HasPrefix(text, "code="), strings.Contains(text, "&code="):
		query = strings.TrimPrefix(text, "?")
	default:
		return text, nil
	}
	query, _, _ = strings.Cut(query, "#")
	values, _ := url.ParseQuery(query)
	if code := values.Get("code"); code != "" {
		return code, nil
	}
	return "", exit.Usagef("a refused login has none; log in again: wxctl auth login", "the callback URL holds no code")
}

// asRefused gives a value that is refused here, unsent, the number that the
// module has for it: that of the errcode with which WeChat would refuse it.
func asRefused(err error, op oauth.Op, errcode int) error {
	var usage *device.Error
	if !errors.As(err, &usage) || usage.Err != nil {
		return err
	}
	refused := *usage
	refused.Err = &oauth.Error{Op: op, Kind: oauth.KindMissing, Missing: errcode}
	return &refused
}
