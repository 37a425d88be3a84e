// Package media reads the files that a request names: paths, the wx module's
// fs:// and widget:// names under given roots and never outside them, stdin,
// and pictures on the web.
package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
)

// DownloadLimit bounds a picture from the web; it is the wx module's limit
// for contentUrl (10 MB).
const DownloadLimit = 10 << 20

// Loader reads files for one command.
type Loader struct {
	// FSRoot and WidgetRoot are the directories that fs:// and widget:// name;
	// empty if the user gave none.
	FSRoot, WidgetRoot string
	// HTTP is the client for downloads.
	HTTP func() *http.Client
}

// File is what was read.
type File struct {
	// Name is the base name, for titles and extensions.
	Name string
	// Path is the file's path on this computer; empty for a download.
	Path string
	// Data is the content; nil if only Stat was asked.
	Data []byte
	// Size is the length in bytes.
	Size int64
}

// Ext is the file name's extension without the dot.
func (f File) Ext() string { return strings.TrimPrefix(filepath.Ext(f.Name), ".") }

// IsURL says whether name is a web address.
func IsURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// Read reads a file of at most limit bytes.
func (l *Loader) Read(name string, limit int64) (File, error) {
	f, err := l.open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	file, err := stat(name, f)
	if err != nil {
		return File{}, err
	}
	if file.Size > limit {
		return File{}, tooLarge(name, file.Size, limit)
	}
	// A file can grow while it is read.
	file.Data, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return File{}, files.Unreadable(name, err)
	}
	file.Size = int64(len(file.Data))
	if file.Size > limit {
		return File{}, tooLarge(name, file.Size, limit)
	}
	return file, nil
}

// Stat finds a file without reading it.
func (l *Loader) Stat(name string) (File, error) {
	f, err := l.open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	return stat(name, f)
}

func stat(name string, f *os.File) (File, error) {
	info, err := f.Stat()
	if err != nil {
		return File{}, files.Unreadable(name, err)
	}
	return File{Name: filepath.Base(f.Name()), Path: f.Name(), Size: info.Size()}, nil
}

func (l *Loader) open(name string) (*os.File, error) {
	root, rel, flag := "", "", ""
	switch {
	case strings.HasPrefix(name, "fs://"):
		root, rel, flag = l.FSRoot, strings.TrimPrefix(name, "fs://"), "--fs-root"
	case strings.HasPrefix(name, "widget://"):
		root, rel, flag = l.WidgetRoot, strings.TrimPrefix(name, "widget://"), "--widget-root"
	default:
		f, err := files.Open(name)
		if err != nil {
			return nil, files.Unreadable(name, err)
		}
		return f, nil
	}
	if root == "" {
		return nil, exit.Usagef("give the directory with "+flag, "%q is under a root that nobody named", name)
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, exit.Usagef("give a directory with "+flag, "%s %q: %v", flag, root, reason(err))
	}
	defer dir.Close()
	// Root refuses what leads out of it, by .. or by a symbolic link.
	f, err := files.OpenIn(dir, strings.TrimLeft(rel, "/"))
	if err != nil {
		return nil, files.Unreadable(name, err)
	}
	return f, nil
}

// Download fetches a picture from the web: at most DownloadLimit bytes,
// redirects followed, its type checked by header and by content.
func (l *Loader) Download(ctx context.Context, address string) (File, error) {
	where := shown(address)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return File{}, exit.Usagef("give an http or https URL, or a file", "%q is no URL that can be fetched", where)
	}
	failed := func(what string, cause error) error {
		return &exit.Error{Name: "download_failed", Code: exit.Failed, Message: fmt.Sprintf("%q can't be fetched: %s", where, what), Hint: "open it in a browser, or download it and pass the file", Err: cause}
	}
	resp, err := l.HTTP().Do(req)
	if err != nil {
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err // without the URL, which may hold a token
		}
		if ctxErr := context.Cause(ctx); ctxErr != nil {
			return File{}, ctxErr
		}
		return File{}, failed(err.Error(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return File{}, failed("the server answered "+resp.Status, nil)
	}
	if resp.ContentLength > DownloadLimit {
		return File{}, tooLarge(where, resp.ContentLength, DownloadLimit)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, DownloadLimit+1))
	if err != nil {
		return File{}, failed("it broke off: "+err.Error(), err)
	}
	if len(data) > DownloadLimit {
		return File{}, tooLarge(where, int64(len(data)), DownloadLimit)
	}
	declared, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if found := http.DetectContentType(data); !strings.HasPrefix(found, "image/") || declared != "" && declared != "application/octet-stream" && !strings.HasPrefix(declared, "image/") {
		return File{}, exit.Usagef("give the address of the picture itself", "%q is no picture: the server sent %q", where, declared)
	}
	name := path.Base(resp.Request.URL.Path)
	if name == "." || name == "/" {
		name = "image"
	}
	return File{Name: name, Data: data, Size: int64(len(data))}, nil
}

// shown is an address as messages show it: without user, query and fragment,
// which may hold secrets.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the URL"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func tooLarge(name string, size, limit int64) error {
	return &exit.Error{Name: "refused", Code: exit.RefusedBefore, Message: fmt.Sprintf("%q has %d bytes; %d is the most that can be sent", name, size, limit), Hint: "make it smaller"}
}

func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// Open opens a file to be read as it is sent.
func (l *Loader) Open(name string) (io.ReadCloser, error) { return l.open(name) }
