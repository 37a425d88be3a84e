package androidwire

import (
	"fmt"
	"strings"
)

// Version is a version of the OpenSDK for Android, by its number on the wire
// (Build.SDK_INT).
type Version int32

// The versions that this package implements, as Tencent published them.
const (
	SDK553  Version = 621085440 // 5.5.3
	SDK680  Version = 638058496 // 6.8.0
	SDK6818 Version = 638063104 // 6.8.18
	SDK6834 Version = 638067200 // 6.8.34, the default
)

// minVersion is the oldest SDK whose requests WeChat accepts
// (Build.MIN_SDK_INT).
const minVersion = 553713665

// Versions are all versions that this package speaks, the default first.
var versions = []Version{SDK6834, SDK6818, SDK680, SDK553}

// Versions returns the versions that this package speaks, the default first.
func Versions() []Version { return append([]Version(nil), versions...) }

// String returns the version's name, such as 6.8.34: the number holds major,
// minor and patch in one byte each.
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", v>>24-0x20, v>>16&0xff, v>>8&0xff)
}

// ParseVersion reads the name of a version that this package speaks; "" is the
// default.
func ParseVersion(name string) (Version, error) {
	if name == "" {
		return versions[0], nil
	}
	var names []string
	for _, v := range Versions() {
		if v.String() == name {
			return v, nil
		}
		names = append(names, v.String())
	}
	return 0, fmt.Errorf("unknown OpenSDK version %q for Android: use %s", name, strings.Join(names, ", "))
}

// orDefault is the version itself, or the default for the zero value.
func (v Version) orDefault() Version {
	if v == 0 {
		return versions[0]
	}
	return v
}

// source names the version as the origin of a limit.
func (v Version) source() string { return "OpenSDK " + v.String() + " for Android" }
