// Package apk reads what WeChat and Android look at in an APK: the manifest,
// the certificates of all signature schemes, and whether a class is in the
// code. It reads a few kilobytes of a file of any size, from a disk or from a
// phone, verifies no signature, and believes nothing that a file says of
// itself.
package apk

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	manifestName = "AndroidManifest.xml"
	maxManifest  = 8 << 20
)

// File is what was read of an APK.
type File struct {
	Manifest *Manifest
	// Signers are the certificates of all schemes, the newest scheme first;
	// SignersErr says why they can't be read.
	Signers    []Signer
	SignersErr error
	// Classes is what the code holds; ClassesErr says why it can't be read.
	Classes    Classes
	ClassesErr error
}

// Open reads an APK of that size. What is no APK, or has no manifest that can
// be read, is an error; signatures and code have errors of their own.
func Open(r io.ReaderAt, size int64) (*File, error) {
	d, err := readDirectory(newPages(r, size), size, func(name string) bool {
		return name == manifestName || isSignatureV1(name) || strings.HasPrefix(name, "classes") && strings.HasSuffix(name, ".dex")
	})
	if err != nil {
		return nil, err
	}
	if _, ok := d.named(manifestName); !ok {
		return nil, errors.New("not an APK: it has no " + manifestName)
	}
	text, err := d.read(manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	f := &File{}
	if f.Manifest, err = ParseManifest(text); err != nil {
		return nil, err
	}
	f.Signers, f.SignersErr = d.signers()
	f.Classes, f.ClassesErr = d.classes(f.Manifest.entryClass())
	return f, nil
}

// OpenClasses reads of an APK whether its code defines a class, and the
// OpenSDK's version.
func OpenClasses(r io.ReaderAt, size int64, class string) (Classes, error) {
	d, err := readDirectory(newPages(r, size), size, func(name string) bool {
		return strings.HasPrefix(name, "classes") && strings.HasSuffix(name, ".dex")
	})
	if err != nil {
		return Classes{}, err
	}
	return d.classes(class)
}

// maxBase is how large an APK in a set of APKs may be if it is compressed
// there, and must be unpacked whole.
const maxBase = 48 << 20

// OpenSet reads the base APK in a file that holds several: .apks of bundletool,
// .xapk, .apkm. An .aab has no APK; it is an error that says what to do.
func OpenSet(r io.ReaderAt, size int64) (*File, error) {
	d, err := readDirectory(newPages(r, size), size, func(name string) bool {
		return hasSuffixFold(name, ".apk") || name == "base/manifest/"+manifestName
	})
	if err != nil {
		return nil, err
	}
	if _, ok := d.named("base/manifest/" + manifestName); ok {
		return nil, errBundle
	}
	e, ok := d.base()
	if !ok {
		return nil, errors.New("it holds no base APK")
	}
	if e.method == methodStored {
		body, err := d.body(e)
		if err != nil {
			return nil, err
		}
		return Open(body, body.Size())
	}
	data, err := d.read(e.name, maxBase)
	if err != nil {
		return nil, fmt.Errorf("%w; unpack it, and give its %s", err, e.name)
	}
	return Open(strings.NewReader(string(data)), int64(len(data)))
}

var errBundle = errors.New("an Android App Bundle (.aab) is not signed as it will be installed; make APKs of it: bundletool build-apks --mode=universal --bundle=FILE --output=app.apks")

// base is the base APK: named so (.apks, .apkm), or the only one that is not a
// split.
func (d *directory) base() (entry, bool) {
	for _, name := range []string{"universal.apk", "base.apk", "splits/base-master.apk", "standalones/standalone.apk"} {
		if e, ok := d.named(name); ok {
			return e, true
		}
	}
	var only entry
	n := 0
	for name, e := range d.entries {
		file := strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
		if !strings.HasPrefix(file, "config.") && !strings.HasPrefix(file, "split_") && !strings.HasPrefix(file, "base-") {
			only = e
			n++
		}
	}
	return only, n == 1
}
