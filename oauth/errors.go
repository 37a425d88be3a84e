package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Kind says how a call failed.
type Kind int

// The kinds of failure.
const (
	KindErrcode     Kind = iota + 1 // WeChat answered with an errcode
	KindMissing                     // something the call needs was empty; nothing was sent
	KindBaseURL                     // the base URL can't be used; nothing was sent
	KindTimeout                     // no answer in time
	KindCanceled                    // the context was cancelled
	KindUnreachable                 // no connection: name, network, proxy or TLS
	KindRedirect                    // the server wanted to send us elsewhere
	KindStatus                      // an HTTP status other than 200, and no errcode in the body
	KindReply                       // an invalid reply: truncated, too long, not JSON, a field missing
)

// Error is the failure of a call. Its text is safe to print: without the
// request's query, without secrets the server may have repeated, without
// control characters.
type Error struct {
	Op      Op
	Kind    Kind
	Code    int    // WeChat's errcode; 0 unless Kind is KindErrcode
	Message string // WeChat's errmsg, cleaned; for the other kinds what went wrong
	RID     string // WeChat's id of the request, if it gave one
	Status  int    // HTTP status, if there was a reply
	Address string // of errcode 40164: the caller's own, as WeChat sees it
	// Sent reports whether the request may have reached the server. An
	// exchange that failed after it was sent may have used up its code.
	Sent bool

	// Missing is, for KindMissing, the errcode that WeChat has for what was
	// missing.
	Missing int

	cause error // a plain sentinel, never an error with text from outside
}

// Error returns one sentence: what failed and, for an errcode, its meaning.
func (e *Error) Error() string {
	if e.Kind != KindErrcode {
		return fmt.Sprintf("%s failed: %s", e.noun(), e.Message)
	}
	meaning := `"` + e.Message + `"`
	if row, known := LookupErrcode(e.Op, e.Code); known {
		meaning = row.Meaning
	}
	switch {
	case e.Address != "" && e.RID != "":
		return fmt.Sprintf("WeChat refused the %s: %s (errcode %d, address %s, rid %s)", e.noun(), meaning, e.Code, e.Address, e.RID)
	case e.Address != "":
		return fmt.Sprintf("WeChat refused the %s: %s (errcode %d, address %s)", e.noun(), meaning, e.Code, e.Address)
	case e.RID != "":
		return fmt.Sprintf("WeChat refused the %s: %s (errcode %d, rid %s)", e.noun(), meaning, e.Code, e.RID)
	}
	return fmt.Sprintf("WeChat refused the %s: %s (errcode %d)", e.noun(), meaning, e.Code)
}

func (e *Error) noun() string {
	switch e.Op {
	case OpExchange:
		return "code exchange"
	case OpRefresh:
		return "token refresh"
	case OpCheck:
		return "token check"
	case OpUserInfo:
		return "user info request"
	}
	return string(e.Op)
}

// Unwrap returns context.Canceled or context.DeadlineExceeded where they
// apply, and nil otherwise: the transport's own errors carry the URL.
func (e *Error) Unwrap() error { return e.cause }

// Timeout reports whether no answer came in time.
func (e *Error) Timeout() bool { return e.Kind == KindTimeout }

// Errcode returns the table's row for Code.
func (e *Error) Errcode() Errcode {
	row, _ := LookupErrcode(e.Op, e.Code)
	return row
}

// Class returns the kind of problem, also for failures without an errcode.
func (e *Error) Class() Class {
	switch e.Kind {
	case KindErrcode:
		return e.Errcode().Class
	case KindMissing:
		return ClassCredentials
	case KindBaseURL:
		return ClassRequest
	}
	return ClassService
}

// ModuleCode returns what APICloud's wx module would have put into err.code.
func (e *Error) ModuleCode() int {
	switch e.Kind {
	case KindErrcode:
		if e.Code == 0 {
			return moduleUnknown
		}
		return ModuleCode(e.Op, e.Code)
	case KindMissing:
		return ModuleCode(e.Op, e.Missing)
	case KindTimeout:
		return moduleTimeouts[e.Op]
	}
	return moduleUnknown
}

// missingError is the error for an empty value that the call needs.
func missingError(op Op, what string, errcode int) *Error {
	return &Error{Op: op, Kind: KindMissing, Message: "the " + what + " is missing", Missing: errcode}
}

// transportError converts an error of net/http to one without the URL and
// without text that the other side chose.
func transportError(ctx context.Context, op Op, host string, sent bool, err error) *Error {
	e := &Error{Op: op, Sent: sent}
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		e.Kind, e.Message, e.cause = KindCanceled, "interrupted", context.Canceled
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind, e.cause = KindTimeout, context.DeadlineExceeded
		e.Message = fmt.Sprintf("no answer from %s in time", host)
	default:
		e.Kind, e.Message = KindUnreachable, unreachable(host, err)
	}
	return e
}

// unreachable describes the usual reasons. What net/http says about an answer
// that isn't HTTP quotes that answer, and a body without headers begins with
// tokens that the redactor doesn't know yet: none of it is kept.
func unreachable(host string, err error) string {
	var (
		dns      *net.DNSError
		op       *net.OpError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		refusal  proxyRefusal
		verify   *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, errBadProxy):
		return errBadProxy.Error()
	case errors.Is(err, errNotLoopback):
		return fmt.Sprintf("%s is not this computer", host)
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return fmt.Sprintf("the proxy opened no connection to %s", host)
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s can't be resolved", host)
	case errors.As(err, &unknown):
		return fmt.Sprintf("the certificate of %s is signed by an unknown authority", host)
	case errors.As(err, &hostname):
		return fmt.Sprintf("the certificate of %s belongs to another host", host)
	case errors.As(err, &invalid), errors.As(err, &verify):
		return fmt.Sprintf("the certificate of %s is not valid", host)
	case errors.As(err, &record), errors.As(err, &alert), errors.As(err, &op) && op.Op == "remote error": // crypto/tls's word for an alert
		return fmt.Sprintf("no TLS connection to %s: the server does not support TLS or a common version", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("%s refused the connection", host)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Sprintf("no connection to %s", host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Sprintf("%s closed the connection without an answer", host)
	}
	return fmt.Sprintf("%s gave no usable HTTP answer", host)
}
