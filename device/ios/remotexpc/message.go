package remotexpc

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Flags of a message.
const (
	// AlwaysSet is on every message.
	AlwaysSet uint32 = 0x1
	// DataPresent says that the message carries something to act on.
	DataPresent uint32 = 0x100
	// channelOpen is the third opening of a connection; nobody has named it.
	channelOpen uint32 = 0x200
	// WantsReply asks for an answer.
	WantsReply uint32 = 0x10000
	// Reply marks the answer to the message with the same ID.
	Reply uint32 = 0x20000
	// InitHandshake opens the stream on which the phone answers.
	InitHandshake uint32 = 0x400000
)

const (
	wrapperMagic = 0x29b00b92
	objectMagic  = 0x42133742
	// objectVersion is the only one that has been seen.
	objectVersion = 5
	headerSize    = 24
	objectHeader  = 8
)

// MaxBody is how many bytes the body of a message may have. The list of apps of
// a full phone has some hundred thousand.
const MaxBody = 8 << 20

// Message is one RemoteXPC message: a header of 24 bytes and, mostly, a
// dictionary.
type Message struct {
	Flags uint32
	ID    uint64
	// Body is nil for a message without one, which is not the same as an empty
	// dictionary.
	Body Dict
}

// Append appends m as it travels. It fails on a value that XPC has no form for
// and on a body larger than MaxBody.
func (m Message) Append(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	at := len(b)
	b = le.AppendUint32(b, wrapperMagic)
	b = le.AppendUint32(b, m.Flags)
	b = le.AppendUint64(b, 0)
	b = le.AppendUint64(b, m.ID)
	if m.Body == nil {
		return b, nil
	}
	b = le.AppendUint32(b, objectMagic)
	b = le.AppendUint32(b, objectVersion)
	b, err := appendValue(b, m.Body, 0)
	if err != nil {
		return nil, err
	}
	size := len(b) - at - headerSize
	if size > MaxBody {
		return nil, fmt.Errorf("XPC message of %d bytes is larger than %d", size, MaxBody)
	}
	le.PutUint64(b[at+8:], uint64(size))
	return b, nil
}

// ErrIncomplete says that a message has not arrived whole.
var ErrIncomplete = errors.New("XPC message is incomplete")

// Decode reads the message that b begins with and says how many bytes it took.
// The error is ErrIncomplete as long as more bytes could complete it. No length
// in b makes it allocate more than a small multiple of len(b).
func Decode(b []byte) (Message, int, error) {
	le := binary.LittleEndian
	if len(b) < headerSize {
		return Message{}, 0, ErrIncomplete
	}
	if magic := le.Uint32(b); magic != wrapperMagic {
		return Message{}, 0, fmt.Errorf("XPC message begins with %#x instead of %#x", magic, uint32(wrapperMagic))
	}
	m := Message{Flags: le.Uint32(b[4:]), ID: le.Uint64(b[16:])}
	size := le.Uint64(b[8:])
	switch {
	case size == 0:
		return m, headerSize, nil
	case size > MaxBody:
		return Message{}, 0, fmt.Errorf("XPC message says it has %d bytes, more than %d", size, MaxBody)
	case size < objectHeader:
		return Message{}, 0, fmt.Errorf("XPC body of %d bytes is too short for its header", size)
	case size > uint64(len(b)-headerSize):
		return Message{}, 0, ErrIncomplete
	}
	body := b[headerSize : headerSize+size]
	if magic, version := le.Uint32(body), le.Uint32(body[4:]); magic != objectMagic || version != objectVersion {
		return Message{}, 0, fmt.Errorf("XPC body begins with %#x version %d instead of %#x version %d", magic, version, uint32(objectMagic), objectVersion)
	}
	r := &reader{data: body[objectHeader:]}
	v, err := r.value(0)
	if err != nil {
		return Message{}, 0, err
	}
	if err := r.end(); err != nil {
		return Message{}, 0, err
	}
	dict, ok := v.(Dict)
	if !ok {
		return Message{}, 0, fmt.Errorf("XPC body is %T instead of a dictionary", v)
	}
	m.Body = dict
	return m, headerSize + int(size), nil
}
