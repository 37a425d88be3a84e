package ipa

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// debug/macho needs random access and reads a whole symbol table into memory;
// here a program of any size is streamed from an archive, and only its
// signature is needed. So only that package's constants and types are used.

const (
	loadCodeSignature = 0x1d // LC_CODE_SIGNATURE (loader.h)

	// Magic numbers and slot of a signature (Security's cs_blobs.h). They are
	// big endian, whatever the program is.
	magicSuperBlob       = 0xfade0cc0
	magicEntitlements    = 0xfade7171
	magicEntitlementsDER = 0xfade7172
	slotEntitlements     = 5
	slotEntitlementsDER  = 7

	magicFat64 = 0xcafebabf // fat.h: as macho.MagicFat, with offsets of 64 bits

	maxCommands      = 1 << 20
	maxArchitectures = 16
	maxSignature     = 64 << 20
	maxBlob          = 1 << 20
	maxSlots         = 64
)

var (
	errMachO     = errors.New("its program is not a Mach-O file, or a broken one")
	errUnsigned  = errors.New("its program is not signed")
	errSignature = errors.New("its program's signature is broken")
)

// stream reads a program forwards.
type stream struct {
	r  io.Reader
	at int64
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.at += int64(n)
	return n, err
}

// to skips forwards to an offset.
func (s *stream) to(at int64) error {
	if at < s.at {
		return errMachO
	}
	if _, err := io.CopyN(io.Discard, s, at-s.at); err != nil {
		return errMachO
	}
	return nil
}

// take reads the next n bytes.
func (s *stream) take(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s, b); err != nil {
		return nil, errMachO
	}
	return b, nil
}

// entitlements returns the property list of entitlements in a program's
// signature, for a fat file of its first slice; nil if there is none.
func entitlements(r io.Reader) ([]byte, error) {
	s := &stream{r: r}
	magic, err := s.take(4)
	if err != nil {
		return nil, err
	}
	base := int64(0)
	if m := binary.BigEndian.Uint32(magic); m == macho.MagicFat || m == magicFat64 {
		if base, err = s.slice(m == magicFat64); err != nil {
			return nil, err
		}
		if magic, err = s.take(4); err != nil {
			return nil, err
		}
	}
	offset, size, err := s.signature(magic)
	if err != nil {
		return nil, err
	}
	if err := s.to(base + int64(offset)); err != nil {
		return nil, err
	}
	return s.blob(size)
}

// slice goes to the first architecture of a fat file.
func (s *stream) slice(wide bool) (int64, error) {
	count, err := s.take(4)
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(count)
	if n == 0 || n > maxArchitectures {
		return 0, errMachO
	}
	length := 20
	if wide {
		length = 32
	}
	arches, err := s.take(length * int(n))
	if err != nil {
		return 0, err
	}
	first := int64(math.MaxInt64)
	for ; len(arches) > 0; arches = arches[length:] {
		offset := uint64(binary.BigEndian.Uint32(arches[8:]))
		if wide {
			offset = binary.BigEndian.Uint64(arches[8:])
		}
		if offset > math.MaxInt32 {
			return 0, errMachO
		}
		first = min(first, int64(offset))
	}
	return first, s.to(first)
}

// signature finds the signature in the load commands, which begin after the
// magic number.
func (s *stream) signature(magic []byte) (offset, size uint32, err error) {
	rest := 24 // of the header
	switch binary.LittleEndian.Uint32(magic) {
	case macho.Magic64:
		rest = 28
	case macho.Magic32:
	default:
		return 0, 0, errMachO
	}
	head, err := s.take(rest)
	if err != nil {
		return 0, 0, err
	}
	le := binary.LittleEndian
	count, length := le.Uint32(head[12:]), le.Uint32(head[16:])
	if length > maxCommands {
		return 0, 0, errMachO
	}
	commands, err := s.take(int(length))
	if err != nil {
		return 0, 0, err
	}
	for range count {
		if len(commands) < 8 {
			return 0, 0, errMachO
		}
		command, n := le.Uint32(commands), le.Uint32(commands[4:])
		if n < 8 || uint64(n) > uint64(len(commands)) {
			return 0, 0, errMachO
		}
		if command == loadCodeSignature && n >= 16 {
			return le.Uint32(commands[8:]), le.Uint32(commands[12:]), nil
		}
		commands = commands[n:]
	}
	return 0, 0, errUnsigned
}

// blob reads the entitlements of a signature that begins here.
func (s *stream) blob(size uint32) ([]byte, error) {
	if size < 12 || size > maxSignature {
		return nil, errSignature
	}
	head, err := s.take(12)
	if err != nil {
		return nil, err
	}
	be := binary.BigEndian
	count := be.Uint32(head[8:])
	if be.Uint32(head) != magicSuperBlob || count > maxSlots {
		return nil, errSignature
	}
	index, err := s.take(8 * int(count))
	if err != nil {
		return nil, err
	}
	read := 12 + int64(len(index))
	var at, magic uint32
	for ; len(index) > 0; index = index[8:] {
		switch slot := be.Uint32(index); {
		case slot == slotEntitlements:
			at, magic = be.Uint32(index[4:]), magicEntitlements
		case slot == slotEntitlementsDER && magic == 0: // XML is preferred: it is what tools show
			at, magic = be.Uint32(index[4:]), magicEntitlementsDER
		}
	}
	if magic == 0 {
		return nil, nil
	}
	if int64(at) < read || int64(at) > int64(size)-8 {
		return nil, errSignature
	}
	if err := s.to(s.at + int64(at) - read); err != nil {
		return nil, errSignature
	}
	if head, err = s.take(8); err != nil {
		return nil, errSignature
	}
	n := be.Uint32(head[4:])
	if be.Uint32(head) != magic || n < 8 || n > maxBlob || int64(n) > int64(size)-int64(at) {
		return nil, errSignature
	}
	text, err := s.take(int(n) - 8)
	if err != nil {
		return nil, errSignature
	}
	if magic == magicEntitlementsDER {
		return fromDER(text)
	}
	return bytes.TrimRight(text, "\x00"), nil
}
