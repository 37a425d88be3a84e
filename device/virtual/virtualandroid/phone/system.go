package phone

import (
	"fmt"
	"path"
	"slices"
	"strconv"
)

// layout makes the directories a booted phone has, with AOSP's owners and
// modes.
func (p *Phone) layout() {
	f := p.FS
	dir := func(name string, mode uint32, uid, gid int) *node { return f.put(name, ModeDir|mode, uid, gid) }
	link := func(name, target string) { f.put(name, ModeLink|0o777, RootUID, RootUID).target = target }
	char := func(name, kind string, mode uint32) { f.put(name, ModeChar|mode, RootUID, RootUID).target = kind }
	for _, d := range []string{"/system", "/system/bin", "/system/app", "/system/priv-app", "/system/framework", "/system/etc",
		"/system/lib64",
		"/vendor", "/dev", "/proc", "/sys", "/apex", "/mnt", "/storage", "/mnt/user", "/mnt/user/0"} {
		dir(d, 0o755, RootUID, RootUID)
	}
	dir("/data", 0o771, SystemUID, SystemUID).counted = true
	for _, d := range []string{"/data/app", "/data/data", "/data/user", "/data/user_de"} {
		dir(d, 0o771, SystemUID, SystemUID)
	}
	dir("/data/local", 0o751, RootUID, RootUID)
	dir("/data/local/tmp", 0o771, ShellUID, ShellUID)
	dir("/data/media", 0o770, MediaRW, MediaRW)
	dir("/storage/emulated", 0o771, RootUID, SDCardRW).counted = true
	dir("/storage/self", 0o755, RootUID, RootUID)
	for _, u := range p.users {
		id := strconv.Itoa(u.ID)
		dir("/data/user/"+id, 0o711, SystemUID, SystemUID)
		dir("/data/user_de/"+id, 0o711, SystemUID, SystemUID)
		home := "/storage/emulated/" + id
		dir(home, 0o771, RootUID, SDCardRW).shared = true
		for _, d := range []string{"Alarms", "Android", "Android/data", "DCIM", "Documents", "Download", "Movies", "Music", "Notifications",
			"Pictures", "Podcasts", "Ringtones"} {
			dir(path.Join(home, d), 0o770, RootUID, SDCardRW).shared = true
		}
	}
	link("/sdcard", "/storage/self/primary")
	link("/storage/self/primary", "/storage/emulated/0")
	link("/bin", "/system/bin")
	link("/etc", "/system/etc")
	char("/dev/null", "null", 0o666)
	char("/dev/zero", "zero", 0o666)
	for _, name := range systemPrograms {
		f.put("/system/bin/"+name, ModeFile|0o755, RootUID, ShellUID).size = 1024
	}
}

// systemPrograms are the names in /system/bin that the shell knows.
var systemPrograms = []string{
	"am", "app_process", "app_process64", "cat", "cmd", "dumpsys", "getprop", "id", "input", "kill", "log", "logcat", "ls", "md5sum", "monkey",
	"mv", "pidof", "pm", "ps", "pwd", "rm", "screencap", "screenrecord", "settings", "sh", "sha256sum", "sleep", "which", "wm",
}

// DataDir is an app's own directory for a user.
func (p *Phone) DataDir(pkg string, user int) string {
	return fmt.Sprintf("/data/user/%d/%s", user, pkg)
}

// installFiles puts a package's APKs and data directories in place.
func (p *Phone) installFiles(pkg *Package, users []int) {
	f := p.FS
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, name := range append([]string{pkg.Path}, pkg.Splits...) {
		if name == "" {
			continue
		}
		n := f.put(name, ModeFile|0o644, SystemUID, SystemUID)
		if n.data, n.size = pkg.APK, pkg.APKSize; i > 0 {
			n.data, n.size = nil, 4096
		}
	}
	if pkg.AppID < FirstAppUID {
		return
	}
	for _, u := range users {
		dir := p.DataDir(pkg.Name, u)
		f.put(dir, ModeDir|0o700, pkg.UID(u), pkg.UID(u))
		for _, sub := range []string{"cache", "code_cache", "files"} {
			f.put(path.Join(dir, sub), ModeDir|0o771, pkg.UID(u), pkg.UID(u))
		}
	}
	if slices.Contains(users, 0) {
		f.put("/data/data/"+pkg.Name, ModeLink|0o777, RootUID, RootUID).target = p.DataDir(pkg.Name, 0)
	}
}

// installSystem installs the system's packages that the model needs.
func (p *Phone) installSystem() {
	v := int64(p.API)
	rel := Release(p.API)
	sys := func(name, file string, appID int, cs ...Component) *Package {
		return &Package{Name: name, VersionName: rel, VersionCode: v, MinSDK: p.API, TargetSDK: p.API, AppID: appID, System: true, Path: file,
			APKSize: 4096, Components: cs}
	}
	p.Install(sys("android", "/system/framework/framework-res.apk", SystemUID, Component{Kind: ActivityKind, Name: suspendedClass,
		NoRecents: true},
		Component{Kind: ActivityKind, Name: resolverClass, NoRecents: true, Exported: true}), nil)
	p.Install(sys("com.android.shell", "/system/priv-app/Shell/Shell.apk", ShellUID), nil)
	p.Install(sys("com.android.systemui", "/system/priv-app/SystemUI/SystemUI.apk", 10027), nil)
	p.Install(sys("com.android.settings", "/system/priv-app/Settings/Settings.apk", SystemUID, Component{
		Kind: ActivityKind, Name: "com.android.settings.Settings", Exported: true, LaunchMode: LaunchSingleTask,
		Filters: []Filter{{Actions: []string{"android.intent.action.MAIN"}, Categories: []string{"android.intent.category.LAUNCHER",
			"android.intent.category.DEFAULT"}},
			{Actions: []string{"android.settings.SETTINGS"}, Categories: []string{"android.intent.category.DEFAULT"}}}}), nil)
	p.Install(sys(HomePackage, "/system/priv-app/Launcher3/Launcher3.apk", 10030, Component{
		Kind: ActivityKind, Name: homeClass, Exported: true, LaunchMode: LaunchSingleTask,
		Filters: []Filter{{Actions: []string{"android.intent.action.MAIN"}, Categories: []string{"android.intent.category.HOME",
			"android.intent.category.DEFAULT"}}}}), nil)
}

const (
	// HomePackage is that of the home screen.
	HomePackage = "com.android.launcher3"
	homeClass   = "com.android.launcher3.Launcher"
	// resolverClass asks which of several activities to use.
	resolverClass = "com.android.internal.app.ResolverActivity"
	// suspendedClass is the activity that is shown instead of a suspended app.
	suspendedClass = "com.android.internal.app.SuspendedAppActivity"
)
