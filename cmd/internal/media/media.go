// Package media reads the files that a request names: paths, the wx module's
// fs:// and widget:// names within given directories, stdin, and pictures on
// the web.
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
	"runtime"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/picture"
)

// downloadLimit limits a picture from the web, in bytes; it is the wx module's
// limit for contentUrl (10 MB).
const downloadLimit = 10 << 20

// Loader reads files for one command.
type Loader struct {
	// FSRoot and WidgetRoot are the directories for fs:// and widget:// names;
	// empty if the user gave none.
	FSRoot, WidgetRoot string
	// Dir is what relative names start from; empty means the working directory.
	Dir string
	// HTTP is the client for downloads.
	HTTP func() *http.Client
}

// File is a file that was read.
type File struct {
	// Name is the base name, for titles and extensions.
	Name string
	// Data is the content; nil after Stat.
	Data []byte
	// Size is the length in bytes.
	Size int64
	// Head is the beginning of the content: enough to recognize its format.
	Head []byte
}

// headSize is enough for picture.Sniff.
const headSize = 1024

// Format is the file's format, by its bytes; the zero Format if it isn't known.
func (f File) Format() picture.Format {
	format, _ := picture.Sniff(f.Head)
	return format
}

// MIME is the file's type, by its bytes and then its name.
func (f File) MIME() string { return picture.MIMEOf(f.Name, f.Head) }

// PictureName is the file's name with the right extension for its content:
// phones and WeChat use the extension.
func (f File) PictureName() string {
	format := f.Format()
	ext := strings.ToLower(f.Ext())
	if !format.Picture || ext == format.Ext || slices.Contains(otherExts[format.Ext], ext) {
		return f.Name
	}
	stem := f.Name
	if ext != "" && len(ext) <= 10 {
		stem = strings.TrimSuffix(f.Name, filepath.Ext(f.Name))
	}
	if strings.Trim(stem, ". ") == "" {
		stem = "image"
	}
	return stem + "." + format.Ext
}

// otherExts are further extensions of a format.
var otherExts = map[string][]string{"jpg": {"jpeg", "jpe", "jfif"}, "tif": {"tiff"}, "heic": {"heif", "hif"}}

// Ext is the file name's extension without the dot.
func (f File) Ext() string { return strings.TrimPrefix(filepath.Ext(f.Name), ".") }

// IsURL reports whether name is a web address.
func IsURL(name string) bool {
	scheme, rest, ok := strings.Cut(name, "://")
	return ok && rest != "" && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// localPath returns the path in a file: URL (RFC 8089), as browsers and file
// managers copy it to the clipboard; other names are returned unchanged.
func localPath(name string) (string, error) {
	if len(name) < 6 || !strings.EqualFold(name[:5], "file:") || name[5] != '/' {
		return name, nil
	}
	u, err := url.Parse(name)
	if err != nil {
		return "", exit.Usagef("use the path without file:", "invalid file URL %q", name)
	}
	if u.Host != "" && !strings.EqualFold(u.Host, "localhost") {
		return "", exit.Usagef("copy the file here first", "%q is on another computer", name)
	}
	p := u.Path
	if runtime.GOOS == "windows" && len(p) > 2 && p[2] == ':' { // file:///C:/x
		p = p[1:]
	}
	return filepath.FromSlash(p), nil
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
	file.Data = append(file.Head, file.Data...)
	file.Head = file.Data[:min(len(file.Data), headSize)]
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
	head, err := io.ReadAll(io.LimitReader(f, min(headSize, info.Size())))
	if err != nil {
		return File{}, files.Unreadable(name, err)
	}
	return File{Name: cleanName(filepath.Base(f.Name())), Size: info.Size(), Head: head}, nil
}

// cleanName makes a file's name acceptable to every phone: bytes that are not
// UTF-8, as in old archives, become an underscore.
func cleanName(name string) string { return strings.ToValidUTF8(name, "_") }

// at resolves a relative name.
func (l *Loader) at(name string) string {
	if l.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.Dir, name)
}

func (l *Loader) open(name string) (*os.File, error) {
	root, rel, flag := "", "", ""
	switch {
	case strings.HasPrefix(name, "fs://"):
		root, rel, flag = l.FSRoot, strings.TrimPrefix(name, "fs://"), "--fs-root"
	case strings.HasPrefix(name, "widget://"):
		root, rel, flag = l.WidgetRoot, strings.TrimPrefix(name, "widget://"), "--widget-root"
	default:
		path, err := localPath(name)
		if err != nil {
			return nil, err
		}
		f, err := files.Open(l.at(path))
		if err != nil {
			return nil, files.Unreadable(name, err)
		}
		return f, nil
	}
	if root == "" {
		return nil, exit.Usagef("set the directory with "+flag, "%q needs a root directory", name)
	}
	dir, err := os.OpenRoot(l.at(root))
	if err != nil {
		return nil, exit.Usagef("set a directory with "+flag, "%s %q: %v", flag, root, reason(err))
	}
	defer dir.Close()
	// os.Root refuses paths that leave it, by .. or by a symbolic link.
	f, err := files.OpenIn(dir, strings.TrimLeft(rel, "/"))
	if err != nil {
		return nil, files.Unreadable(name, err)
	}
	return f, nil
}

// Download fetches a file from the web: at most 10 MiB, redirects
// followed. If a picture is wanted, its bytes decide whether it is one: the
// server's content type may be wrong (RFC 9110, section 8.3) and is only used
// in messages.
func (l *Loader) Download(ctx context.Context, address string, wantPicture bool) (File, error) {
	where := shown(address)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return File{}, exit.Usagef("use an http or https URL, or a file", "%q can't be downloaded: it is not an http or https URL", where)
	}
	failed := func(cause error, format, what string) error {
		return &device.Error{Code: "download_failed", Message: fmt.Sprintf(format, where, what),
			Hint: "open it in a browser, or download it and pass the file", Err: cause}
	}
	// over is the error of a download that the command's context ended: a
	// timeout is reported with the address; otherwise it is the context's
	// cause.
	over := func() error {
		cause := context.Cause(ctx)
		if cause == nil || !errors.Is(cause, context.DeadlineExceeded) {
			return cause
		}
		return &device.Error{Code: device.NotSeen, Message: fmt.Sprintf("timed out downloading %q; nothing was sent", where),
			Hint: "increase --timeout, or download it and pass the file", Err: cause}
	}
	resp, err := l.HTTP().Do(req)
	if err != nil {
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err // without the URL, which may contain a token
		}
		if err := over(); err != nil {
			return File{}, err
		}
		return File{}, failed(err, "%q can't be fetched: %s", err.Error())
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return File{}, failed(nil, "%q can't be fetched: the server answered %q", resp.Status)
	}
	if resp.ContentLength > downloadLimit {
		return File{}, tooLarge(where, resp.ContentLength, downloadLimit)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, downloadLimit+1))
	if err != nil {
		if err := over(); err != nil {
			return File{}, err
		}
		return File{}, failed(err, "%q can't be fetched: the download was interrupted: %s", err.Error())
	}
	if len(data) > downloadLimit {
		return File{}, tooLarge(where, int64(len(data)), downloadLimit)
	}
	name := cleanName(path.Base(resp.Request.URL.Path))
	if name == "." || name == "/" {
		name = "image"
	}
	file := File{Name: name, Data: data, Size: int64(len(data)), Head: data[:min(len(data), headSize)]}
	if !wantPicture {
		return file, nil
	}
	if format := file.Format(); !format.Picture {
		const hint = "use the URL of the picture itself"
		called := resp.Header.Get("Content-Type")
		switch {
		case len(data) == 0:
			return File{}, exit.Usagef(hint, "%q is not a picture: the server sent nothing (and calls it %q)", where, called)
		case format.Name != "":
			return File{}, exit.Usagef(hint, "%q is not a picture: its bytes are %s (the server calls it %q)", where, format.Name, called)
		}
		return File{}, exit.Usagef(hint, "%q is not a picture in a known format (the server calls it %q)", where, called)
	}
	file.Name = file.PictureName()
	return file, nil
}

// shown is an address for messages: without user, query and fragment, which may
// contain secrets.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the URL"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func tooLarge(name string, size, limit int64) error {
	return &device.Error{Code: device.Refused,
		Message: fmt.Sprintf("%q has %d bytes; at most %d can be sent", name, size, limit), Hint: "make it smaller"}
}

func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// Fetch reads a file or downloads a picture, of at most limit bytes.
func (l *Loader) Fetch(ctx context.Context, name string, limit int64) (File, error) {
	if IsURL(name) {
		return l.Download(ctx, name, true)
	}
	return l.Read(name, limit)
}

// Open opens a file for reading while it is sent.
func (l *Loader) Open(name string) (io.ReadCloser, error) { return l.open(name) }
