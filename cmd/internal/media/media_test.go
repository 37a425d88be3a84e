package media

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

func picture(t *testing.T) []byte {
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
		if r := exit.Describe(err); r.ExitCode != exit.Usage || strings.Contains(r.Message, "S\n") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	_, err := (&Loader{}).Read("fs://a.jpg", 100)
	if r := exit.Describe(err); r.ExitCode != exit.Usage || !strings.Contains(r.Hint, "--fs-root") {
		t.Errorf("without a root: %+v", r)
	}
	if _, err := l.Read("fs://a.jpg", 0); exit.Describe(err).ExitCode != exit.RefusedBefore {
		t.Errorf("too large: %v", err)
	}
}

func TestDownload(t *testing.T) {
	png := picture(t)
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
		w.Write(make([]byte, DownloadLimit))
	})
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	server := httptest.NewServer(mux)
	defer server.Close()
	l := &Loader{HTTP: server.Client}
	for _, p := range []string{"/ok.png", "/moved"} {
		f, err := l.Download(context.Background(), server.URL+p)
		if err != nil || !bytes.Equal(f.Data, png) || f.Name != "ok.png" {
			t.Errorf("%s: %q, %v", p, f.Name, err)
		}
	}
	for p, code := range map[string]exit.Code{"/page": exit.Usage, "/lie.png": exit.Usage, "/huge": exit.RefusedBefore, "/loop": exit.Failed, "/gone": exit.Failed} {
		_, err := l.Download(context.Background(), server.URL+p+"?token=SENTINEL")
		if r := exit.Describe(err); r.ExitCode != code || strings.Contains(r.Message, "SENTINEL") {
			t.Errorf("%s: %+v, want exit %d", p, r, code)
		}
	}
}
