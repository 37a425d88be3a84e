// Package apk reads what WeChat and Android look at in an APK: the manifest,
// the certificates of all signature schemes, and whether a class is in the
// code. It reads a few kilobytes of a file of any size, from a disk or from a
// phone, verifies no signature, and treats everything in a file as hostile.
package apk

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/wxctl/wxctl/device/archive"
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

// ErrNotAPK is returned for an archive that is something else.
var ErrNotAPK = errors.New("not an APK: it has no " + manifestName)

var errSplit = errors.New("one part of an app in several APKs")

// Open reads an APK of the given size. It fails if the file is not an APK or
// has no readable manifest; signatures and code have errors of their own.
func Open(r io.ReaderAt, size int64) (*File, error) {
	d, err := archive.Open(r, size, func(name string) bool {
		return name == manifestName || isSignatureV1(name) || strings.HasPrefix(name, "classes") && strings.HasSuffix(name, ".dex")
	})
	if err != nil {
		return nil, err
	}
	if !d.Has(manifestName) {
		return nil, ErrNotAPK
	}
	text, err := d.Read(manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	f := &File{}
	if f.Manifest, err = ParseManifest(text); err != nil {
		return nil, err
	}
	if f.Manifest.Split != "" {
		return nil, fmt.Errorf("%q is %w: give its base APK", f.Manifest.Split, errSplit)
	}
	f.Signers, f.SignersErr = signers(d)
	f.Classes, f.ClassesErr = classes(d, f.Manifest.entryClass())
	if f.ClassesErr == nil && !f.Classes.Entry && f.Manifest.Packed() {
		f.ClassesErr = errPacked
	}
	return f, nil
}

var errPacked = errors.New("a service has encrypted it; look at the APK as it was before")

// OpenClasses finds out whether an APK's code defines a class, and the version of its OpenSDK.
func OpenClasses(r io.ReaderAt, size int64, class string) (Classes, error) {
	d, err := archive.Open(r, size, func(name string) bool {
		return strings.HasPrefix(name, "classes") && strings.HasSuffix(name, ".dex")
	})
	if err != nil {
		return Classes{}, err
	}
	return classes(d, class)
}

// maxBase is how large an APK in a set of APKs may be if it is compressed
// there, and must be unpacked whole.
const maxBase = 32 << 20

// OpenSet reads the base APK in a file that holds several: .apks of bundletool,
// .xapk, .apkm. An .aab has no APK; it is an error that says what to do.
func OpenSet(r io.ReaderAt, size int64) (*File, error) {
	d, err := archive.Open(r, size, func(name string) bool {
		return strings.EqualFold(path.Ext(name), ".apk") || name == "base/manifest/"+manifestName
	})
	if err != nil {
		return nil, err
	}
	if d.Has("base/manifest/" + manifestName) {
		return nil, errBundle
	}
	names := bases(d)
	if len(names) > maxBases {
		return nil, fmt.Errorf("it holds %d APKs that may be the base APK; unpack it, and give that one", len(names))
	}
	var base *File
	for _, name := range names {
		body, length, err := d.Section(name, maxBase)
		if err != nil {
			return nil, fmt.Errorf("%w; unpack it, and give its %s", err, name)
		}
		f, err := Open(body, length)
		if errors.Is(err, errSplit) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("its %s: %w", name, err)
		}
		if base != nil && base.Manifest.Package != f.Manifest.Package {
			return nil, fmt.Errorf("it holds several apps: %q and %q; unpack it, and give one", base.Manifest.Package, f.Manifest.Package)
		}
		if base = f; path.Dir(name) == "standalones" {
			break // the others are the same for other phones
		}
	}
	if base == nil {
		return nil, errors.New("it holds no base APK")
	}
	return base, nil
}

var errBundle = errors.New("an Android App Bundle (.aab) is not signed as it will be installed; make APKs of it: " +
	"bundletool build-apks --mode=universal --bundle=FILE --output=app.apks")

// maxBases is how many APKs of a set are looked at.
const maxBases = 16

// bases are the APKs that can be the base APK: by its name (.apks, .apkm), or
// else all that are not splits by theirs.
func bases(d *archive.Directory) []string {
	for _, name := range []string{"universal.apk", "base.apk", "splits/base-master.apk", "standalones/standalone.apk"} {
		if d.Has(name) {
			return []string{name}
		}
	}
	var found []string
	for _, name := range d.Names() {
		file := strings.ToLower(path.Base(name))
		if !strings.HasPrefix(file, "config.") && !strings.HasPrefix(file, "split_") && !strings.HasPrefix(file, "base-") {
			found = append(found, name)
		}
	}
	return found
}
