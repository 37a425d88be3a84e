package media

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

func pngOf(t *testing.T) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRootsHold(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	for _, d := range []string{root, filepath.Join(root, "sub")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{"root/a.jpg": "A", "root/sub/b.jpg": "B", "secret": "S"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	l := &Loader{FSRoot: root, WidgetRoot: filepath.Join(root, "sub")}
	for name, want := range map[string]string{
		"fs://a.jpg": "A", "fs:///a.jpg": "A", "fs://sub/b.jpg": "B", "fs://sub/../a.jpg": "A", "widget://b.jpg": "B",
	} {
		if f, err := l.Read(name, 100); err != nil || string(f.Data) != want || f.Ext() != "jpg" {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	for _, name := range []string{"fs://../secret", "fs://link", "widget://../a.jpg", "fs://sub", "fs://", "fs://nope", filepath.Join(dir, "nope")} {
		_, err := l.Read(name, 100)
		if r := device.Report(err); r.ExitCode != exit.Usage || strings.Contains(r.Message, "S\n") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	_, err := (&Loader{}).Read("fs://a.jpg", 100)
	if r := device.Report(err); r.ExitCode != exit.Usage || !strings.Contains(r.Hint, "--fs-root") {
		t.Errorf("without a root: %+v", r)
	}
	if _, err := l.Read("fs://a.jpg", 0); device.Report(err).ExitCode != exit.RefusedBefore {
		t.Errorf("too large: %v", err)
	}
}

func TestDownload(t *testing.T) {
	png := pngOf(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/ok.png", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Write(png)
	})
	mux.Handle("/moved", http.RedirectHandler("/ok.png", http.StatusFound))
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) })
	mux.HandleFunc("/lie.png", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Write([]byte("<html>"))
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Write(png)
		w.Write(make([]byte, downloadLimit))
	})
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	server := httptest.NewServer(mux)
	defer server.Close()
	l := &Loader{HTTP: server.Client}
	for _, p := range []string{"/ok.png", "/moved"} {
		f, err := l.Download(context.Background(), server.URL+p, true)
		if err != nil || !bytes.Equal(f.Data, png) || f.Name != "ok.png" {
			t.Errorf("%s: %q, %v", p, f.Name, err)
		}
	}
	for p, code := range map[string]int{"/page": exit.Usage, "/lie.png": exit.Usage, "/huge": exit.RefusedBefore, "/loop": exit.Failed, "/gone": exit.Failed} {
		_, err := l.Download(context.Background(), server.URL+p+"?token=SENTINEL", true)
		if r := device.Report(err); r.ExitCode != code || strings.Contains(r.Message, "SENTINEL") {
			t.Errorf("%s: %+v, want exit %d", p, r, code)
		}
	}
}

// TestBytesDecide: with S3's type, a wrong one, or none at all, the bytes
// decide what a file is.
func TestBytesDecide(t *testing.T) {
	fixtures := filepath.Join("..", "..", "..", "fixtures", "field", "img")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		http.ServeFile(w, r, filepath.Join(fixtures, r.URL.Query().Get("file")))
	}))
	defer server.Close()
	l := &Loader{HTTP: server.Client}
	for _, tt := range []struct{ path, file, kind, name, mime string }{
		{"/pic.php", "plain.jpg", "binary/octet-stream", "pic.jpg", "image/jpeg"},
		{"/a.jpg", "small.heic", "image/jpeg", "a.heic", "image/heic"},
		{"/a", "small.avif", "text/plain", "a.avif", "image/avif"},
		{"/photo.JPG", "plain.jpg", "IMAGE/JPEG; charset=binary", "photo.JPG", "image/jpeg"},
		{"/x.jpg_large", "plain.jpg", "", "x.jpg", "image/jpeg"},
		{"/%C4%E3.png", "exif6.png", "application/force-download", "_.png", "image/png"},
		{"/", "anim.webp", "application/xml", "image.webp", "image/webp"},
	} {
		f, err := l.Download(t.Context(), server.URL+tt.path+"?file="+tt.file+"&type="+url.QueryEscape(tt.kind), true)
		if err != nil || f.Name != tt.name || f.MIME() != tt.mime {
			t.Errorf("%s as %q: %q %q, %v", tt.file, tt.kind, f.Name, f.MIME(), err)
		}
	}
	_, err := l.Download(t.Context(), server.URL+"/a.jpg?file=html.jpg&type=image%2Fjpeg", true)
	if r := device.Report(err); r.ExitCode != exit.Usage || !strings.Contains(r.Message, "HTML") || !strings.Contains(r.Message, "image/jpeg") {
		t.Errorf("%+v", r)
	}
	if f, err := l.Download(t.Context(), server.URL+"/a.jpg?file=html.jpg", false); err != nil || f.MIME() != "text/html" {
		t.Errorf("a file: %q, %v", f.MIME(), err)
	}
}

// TestNames: a file's name does not decide its format, and a phone gets a name
// in UTF-8.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	jpg, err := os.ReadFile(filepath.Join("..", "..", "..", "fixtures", "field", "img", "plain.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	l := &Loader{}
	for name, want := range map[string]string{
		"IMG_0001": "IMG_0001.jpg", "x.jpg_large": "x.jpg", "a.png": "a.jpg", "a.JPEG": "a.JPEG", "a b.jpg": "a b.jpg", ".jpg": ".jpg",
		"\xc4\xe3.png": "_.jpg", "v1.2-final version of it": "v1.2-final version of it.jpg",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, jpg, 0o600); err != nil {
			t.Logf("%q can't be made here: %v", name, err) // on systems whose file names are UTF-8
			continue
		}
		file, err := l.Stat(path)
		if err != nil || file.PictureName() != want || file.MIME() != "image/jpeg" {
			t.Errorf("%q: %q %q, %v", name, file.PictureName(), file.MIME(), err)
		}
	}
	for _, form := range []string{"file://" + dir + "/a%20b.jpg", "file://localhost" + dir + "/a%20b.jpg", "FILE:" + dir + "/a%20b.jpg"} {
		if f, err := l.Read(form, 1<<20); err != nil || f.Name != "a b.jpg" || len(f.Data) != len(jpg) {
			t.Errorf("%s: %q, %v", form, f.Name, err)
		}
	}
	if _, err := l.Read("file://elsewhere/a.jpg", 10); device.Report(err).ExitCode != exit.Usage {
		t.Errorf("another computer's file: %v", err)
	}
	for name, want := range map[string]bool{"HTTP://h/a": true, "https://h": true, "Https://h": true, "ftp://h": false, "http:a": false, "http://": false} {
		if IsURL(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}
