package apk

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/wxctl/wxctl/device/archive"
)

// The parts of the dex format that are read (dex-format, "String syntax",
// "class_def_item"). Strings and types are sorted, so a class is found with a
// few reads.
const (
	maxDex   = 24 << 20
	maxDexes = 64
	// maxVersions is how many strings that begin like a version are looked at.
	maxVersions = 256
	// maxCode is how much code is unpacked, or read from a phone, at most.
	maxCode = 256 << 20
)

var errDex = errors.New("its code can't be read: not a dex file, or a broken one")

// Classes is what was found in the code.
type Classes struct {
	// Entry is true if the class that was asked for is defined.
	Entry bool
	// SDK is the version of the OpenSDK, such as 6.8.0; "" if none was found.
	SDK string
}

// dex reads a dex file. Its methods panic with errDex beyond its end.
type dex struct {
	r                  io.ReaderAt
	size               int64
	strings, stringsAt uint32
	types, typesAt     uint32
	classes, classesAt uint32
}

// classes searches all of the code for a class and the OpenSDK's version.
func classes(d *archive.Directory, class string) (out Classes, err error) {
	if !d.Has("classes.dex") {
		return out, errors.New("it has no code")
	}
	name := "classes.dex"
	budget := int64(maxCode)
	for i := 2; d.Has(name) && i < maxDexes; i++ {
		r, size, err := d.Section(name, maxDex)
		if err != nil {
			return out, err
		}
		if budget -= size; budget < 0 {
			return out, errors.New("it has more code than is read")
		}
		found, err := readDex(r, size, class)
		if err != nil {
			return out, err
		}
		out.Entry = out.Entry || found.Entry
		if out.SDK == "" {
			out.SDK = found.SDK
		}
		if out.Entry && out.SDK != "" {
			break
		}
		name = fmt.Sprintf("classes%d.dex", i)
	}
	return out, nil
}

func readDex(r io.ReaderAt, size int64, class string) (out Classes, err error) {
	defer func() {
		if p := recover(); p != nil {
			failure, ok := p.(error)
			if !ok || !errors.Is(failure, errDex) {
				panic(p)
			}
			out, err = Classes{}, failure
		}
	}()
	x := &dex{r: r, size: size}
	head := x.bytes(0, 0x70)
	if string(head[:4]) != "dex\n" {
		return out, errDex
	}
	le := binary.LittleEndian
	x.strings, x.stringsAt = le.Uint32(head[0x38:]), le.Uint32(head[0x3c:])
	x.types, x.typesAt = le.Uint32(head[0x40:]), le.Uint32(head[0x44:])
	x.classes, x.classesAt = le.Uint32(head[0x60:]), le.Uint32(head[0x64:])
	out.Entry = x.defines("L" + strings.ReplaceAll(class, ".", "/") + ";")
	for _, class := range []string{"Lcom/tencent/mm/opensdk/constants/Build;", "Lcom/tencent/mm/opensdk/openapi/IWXAPI;",
		"Lcom/tencent/mm/sdk/constants/Build;", "Lcom/tencent/mm/sdk/openapi/IWXAPI;"} { // the latter up to 3.1.1
		if x.hasString(class) {
			out.SDK = x.sdk()
			break
		}
	}
	return out, nil
}

func (x *dex) bytes(at int64, n int) []byte {
	if at < 0 || at > x.size || int64(n) > x.size-at {
		panic(errDex)
	}
	b := make([]byte, n)
	if err := archive.ReadFull(x.r, b, at); err != nil {
		panic(errors.Join(errDex, err))
	}
	return b
}

func (x *dex) u32(at int64) uint32 { return binary.LittleEndian.Uint32(x.bytes(at, 4)) }

// text is a string of the pool, up to 300 bytes: the descriptors that are
// searched for are ASCII and shorter.
func (x *dex) text(i uint32) string {
	at := int64(x.u32(int64(x.stringsAt) + 4*int64(i)))
	if at > x.size {
		panic(errDex)
	}
	b := x.bytes(at, int(min(300, x.size-at)))
	for len(b) > 0 && b[0]&0x80 != 0 { // its length, in LEB128
		b = b[1:]
	}
	if len(b) > 0 {
		b = b[1:]
	}
	if end := strings.IndexByte(string(b), 0); end >= 0 {
		b = b[:end]
	}
	return strings.ReplaceAll(string(b), "\xc0\x80", "\x00") // the pool is sorted by the decoded strings
}

// find returns the index of the first string of the pool that is not less than
// s.
func (x *dex) find(s string) uint32 {
	if int64(x.strings) > x.size/4 {
		panic(errDex)
	}
	return uint32(sort.Search(int(x.strings), func(i int) bool { return x.text(uint32(i)) >= s }))
}

func (x *dex) hasString(s string) bool {
	i := x.find(s)
	return i < x.strings && x.text(i) == s
}

// defines reports whether the file defines a class.
func (x *dex) defines(descriptor string) bool {
	name := x.find(descriptor)
	if name == x.strings || x.text(name) != descriptor {
		return false
	}
	if int64(x.types) > x.size/4 || int64(x.classes) > x.size/32 {
		panic(errDex)
	}
	kind := sort.Search(int(x.types), func(i int) bool { return x.u32(int64(x.typesAt)+4*int64(i)) >= name })
	if kind == int(x.types) || x.u32(int64(x.typesAt)+4*int64(kind)) != name {
		return false
	}
	// class_defs are ordered by inheritance, not by name.
	const some = 2048
	for first := 0; first < int(x.classes); first += some {
		n := min(some, int(x.classes)-first)
		defs := x.bytes(int64(x.classesAt)+32*int64(first), 32*n)
		for i := range n {
			if binary.LittleEndian.Uint32(defs[32*i:]) == uint32(kind) {
				return true
			}
		}
	}
	return false
}

// sdk is the OpenSDK's version: the constant SDK_VERSION_NAME of its class
// Build, "android 6.8.0". If there are several such texts, it is the newest
// that can be a version of the SDK: other libraries contain versions of Android
// in this form.
func (x *dex) sdk() (newest string) {
	first := x.find("android ")
	for i := first; i < min(x.strings, first+maxVersions); i++ {
		version, ok := strings.CutPrefix(x.text(i), "android ")
		if !ok {
			break
		}
		if sdkVersion(version) && (newest == "" || compareVersions(version, newest) > 0) {
			newest = version
		}
	}
	return newest
}

// sdkVersion reports whether a text is a version that the OpenSDK had or may
// have: 3.1.1, then 5.1 and newer. There was no 4.x, so 4.4.4 is a version of
// Android.
func sdkVersion(s string) bool {
	return len(s) >= 5 && len(s) <= 16 && strings.Count(s, ".") == 2 && strings.Trim(s, "0123456789.") == "" &&
		(strings.HasPrefix(s, "3.") || strings.HasPrefix(s, "5.") || strings.HasPrefix(s, "6."))
}

func compareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)) // numbers without zeros in front
	})
}
