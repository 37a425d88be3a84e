package virtualandroid

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

const (
	mediaAuthority = "media"
	mediaPackage   = "com.android.providers.media"
	extraStream    = "android.intent.extra.STREAM"
)

// mediaStore is MediaProvider: it knows the files of shared storage that it was
// asked to scan.
type mediaStore struct {
	phone *phone.Phone

	mu     sync.Mutex
	rows   []mediaRow
	lastID int64
}

type mediaRow struct {
	id   int64
	user int
	path string // real path
}

func (r mediaRow) kind() string { return mediaKind(r.path) }

// mediaKind is the collection a file belongs to, by its extension.
func mediaKind(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".heic":
		return "images"
	case ".mp4", ".3gp", ".mkv", ".webm":
		return "video"
	case ".mp3", ".m4a", ".ogg", ".wav", ".flac":
		return "audio"
	}
	return "file"
}

func (r mediaRow) uri() string {
	if kind := r.kind(); kind != "file" {
		return fmt.Sprintf("content://media/external/%s/media/%d", kind, r.id)
	}
	return fmt.Sprintf("content://media/external/file/%d", r.id)
}

func mediaProviderPackage(api int) *phone.Package {
	return &phone.Package{
		Name: mediaPackage, VersionName: phone.Release(api), VersionCode: int64(api), MinSDK: api, TargetSDK: api, AppID: 10052, System: true,
		Path: "/system/priv-app/MediaProvider/MediaProvider.apk", APKSize: 4096,
		Components: []phone.Component{
			{Kind: phone.ProviderKind, Name: mediaPackage + ".MediaProvider", Exported: true, GrantURI: true, Authorities: []string{mediaAuthority}},
		},
	}
}

// resolve returns the real path of a file on a user's shared storage.
func (m *mediaStore) resolve(name string, user int) (string, error) {
	real, err := m.phone.FS.RealPath(phone.RootCred(), strings.TrimPrefix(name, "file://"))
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(real, fmt.Sprintf("/storage/emulated/%d/", user)) {
		return "", errno.EACCES
	}
	info, err := m.phone.FS.Stat(phone.RootCred(), real)
	if err != nil {
		return "", err
	}
	if !info.IsRegular() {
		return "", errno.EISDIR
	}
	return real, nil
}

// shared reports whether an app with the storage permission may read a file
// by its path: everything there before scoped storage, then media only.
func (m *mediaStore) shared(name string) bool {
	real, err := m.phone.FS.RealPath(phone.RootCred(), name)
	return err == nil && strings.HasPrefix(real, "/storage/emulated/") && m.mayRead(mediaKind(real)) &&
		(m.phone.API < 30 || mediaKind(real) != "file")
}

// mayRead reports whether WeChat holds the permission for a kind of media.
func (m *mediaStore) mayRead(kind string) bool {
	permission := "android.permission.READ_EXTERNAL_STORAGE"
	if m.phone.API >= 33 && kind == "images" {
		permission = "android.permission.READ_MEDIA_IMAGES"
	}
	p := m.phone.Package(wechat.PackageName)
	return p != nil && p.Holds(permission)
}

// scan adds a file, and returns the content URI; "" if it can't.
func (m *mediaStore) scan(name string, user int) string {
	real, err := m.resolve(name, user)
	if err != nil {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.rows, func(r mediaRow) bool { return r.path == real && r.user == user })
	if i >= 0 {
		return m.rows[i].uri()
	}
	m.lastID++
	row := mediaRow{id: 1000 + m.lastID, user: user, path: real}
	m.rows = append(m.rows, row)
	return row.uri()
}

func (m *mediaStore) find(uri string, user int) (mediaRow, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range m.rows {
		if row.user == user && (row.uri() == uri || strings.Replace(row.uri(), "/external/", "/external_primary/", 1) == uri) {
			return row, true
		}
	}
	return mediaRow{}, false
}

// size opens a content URI as WeChat does.
func (m *mediaStore) size(uri string, user int, granted bool) (int64, error) {
	if phone.Authority(uri) != mediaAuthority {
		return 0, fmt.Errorf("no access to the provider %q", phone.Authority(uri))
	}
	row, ok := m.find(uri, user)
	if !ok {
		return 0, errno.ENOENT
	}
	if !granted && (row.kind() == "file" || !m.mayRead(row.kind())) {
		return 0, errno.EACCES
	}
	info, err := m.phone.FS.Stat(phone.RootCred(), row.path)
	return info.Size, err
}

// remove deletes a row and its file.
func (m *mediaStore) remove(uri, name string, user int) (rows int, gone bool) {
	real, err := m.resolve(name, user)
	m.mu.Lock()
	before := len(m.rows)
	m.rows = slices.DeleteFunc(m.rows, func(r mediaRow) bool { return r.user == user && (r.uri() == uri || err == nil && r.path == real) })
	rows = before - len(m.rows)
	m.mu.Unlock()
	if err == nil {
		err = m.phone.FS.Remove(phone.ShellCred(), real)
	}
	_, lost := m.phone.FS.Stat(phone.RootCred(), cmp.Or(real, name))
	return rows, err == nil || lost != nil
}
