package phone

import "strings"

// Link makes a symbolic link, which nobody on a phone here can make. As for
// symlink(2), the target ends before the first NUL.
func (f *FS) Link(name, target string) {
	target, _, _ = strings.Cut(target, "\x00")
	f.put(name, ModeLink|0o777, ShellUID, ShellUID).target = target
}
