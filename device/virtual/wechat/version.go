package wechat

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a release of WeChat.
type Version struct {
	Major, Minor, Patch int
}

// DefaultVersion is the WeChat of a virtual phone that names no other.
func DefaultVersion() Version { return Version{8, 0, 50} }

// ParseVersion reads a version such as "8.0.50" or "6.7.2". Only releases that
// the model supports are accepted: 6.0 up to 8.0.
func ParseVersion(text string) (Version, error) {
	parts := strings.Split(text, ".")
	numbers := [3]int{}
	ok := len(parts) == 2 || len(parts) == 3
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		ok = ok && err == nil && n >= 0 && n < 256 && part == strconv.Itoa(n)
		if ok {
			numbers[i] = n
		}
	}
	v := Version{numbers[0], numbers[1], numbers[2]}
	if !ok || v.Compare(Version{6, 0, 0}) < 0 || v.Compare(Version{8, 1, 0}) >= 0 {
		return Version{}, fmt.Errorf("unknown WeChat version %q: use 6.0.0 to 8.0.255, such as 8.0.50", text)
	}
	return v, nil
}

// String returns the version as WeChat's versionName has it.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Compare returns -1, 0 or 1 as v is older than, the same as or newer than w.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// AtLeast reports whether v is major.minor.patch or newer.
func (v Version) AtLeast(major, minor, patch int) bool {
	return v.Compare(Version{major, minor, patch}) >= 0
}

// Code returns a versionCode that grows with the version, in the order of
// magnitude of the real ones.
func (v Version) Code() int64 {
	per := [...]struct{ base, patch int }{{480, 4}, {1360, 20}, {1840, 17}}[v.Major-6]
	return int64(per.base + 110*v.Minor + per.patch*v.Patch)
}

// supportLevels lists which support level (OPEN_SDK_VERSION) WeChat reports
// from which version on. The levels and their order are those of the OpenSDK
// (constants of com.tencent.mm.opensdk.constants.Build); which 6.x release has
// which is only known roughly. From 7.0.7 on the level is computed from the
// client version.
var supportLevels = []struct {
	since Version
	level int32
}{
	{Version{6, 0, 0}, 0x23010001},
	{Version{6, 5, 6}, 0x25000001},
	{Version{6, 5, 8}, 0x25000006},
	{Version{6, 5, 16}, 0x25000008},
	{Version{6, 6, 0}, 0x25010000},
	{Version{6, 6, 2}, 0x25010500},
	{Version{6, 7, 2}, 0x25010600},
	{Version{6, 7, 3}, 0x25020000},
	{Version{7, 0, 0}, 0x25020100},
	{Version{7, 0, 3}, 0x25030300},
}

// Support returns the level that getWXAppSupportAPI gives an app, which is
// also the SDK version WeChat writes into its replies.
func (v Version) Support() int32 {
	if v.AtLeast(7, 0, 7) {
		const build = 0x34
		return int32(0x20000000 | v.Major<<24 | v.Minor<<16 | v.Patch<<8 | build)
	}
	level := supportLevels[0].level
	for _, step := range supportLevels {
		if v.Compare(step.since) >= 0 {
			level = step.level
		}
	}
	return level
}

// Support levels from which WeChat can do something (OpenSDK 6.8.34,
// constants.Build).
const (
	supportMiniProgram  = 620756993
	supportVideoFile    = 620756996
	supportSubscribe    = 620756998
	supportLaunch       = 620757000
	supportInvoice      = 620823552
	supportSubscribeWxa = 620823808
	supportContact      = 620824064
	supportContentURI   = 654314752
	supportMusicVideo   = 671088640
	supportStatus       = 671089664
	supportAuthOptions  = 671091456

	// minSDK is the oldest SDK whose requests WeChat accepts (MIN_SDK_INT), and
	// checkTokenSDK the oldest whose missing token it may block
	// (CHECK_TOKEN_SDK_INT).
	minSDK        = 553713665
	checkTokenSDK = 620824064
)
