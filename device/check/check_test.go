package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTable: each row is complete, and worded as a finding should be.
func TestTable(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+(\.[a-z0-9-]+){1,2}$`)
	seen := map[string]bool{}
	for _, c := range Table() {
		switch {
		case !form.MatchString(c.ID) || seen[c.ID]:
			t.Errorf("id %q is taken, or not of the form group.thing.fault", c.ID)
		case c.Severity != Warn && c.Severity != Fail:
			t.Errorf("%s: severity %q", c.ID, c.Severity)
		case !slices.Contains(Groups(), c.Group) || c.Title == "" || c.Why == "" || c.Fix == "":
			t.Errorf("%s is incomplete", c.ID)
		case c.Find == nil && !slices.ContainsFunc(c.Needs, func(n Need) bool { return n == NeedLog || n == NeedRequest }):
			t.Errorf("%s: no check finds it", c.ID)
		case c.Find != nil && len(c.Needs) > 0 && c.Good == "":
			t.Errorf("%s: no text for when it passes", c.ID)
		case !strings.HasSuffix(c.Fix, ".") || !strings.HasSuffix(c.Why, "."):
			t.Errorf("%s: not a whole sentence", c.ID)
		}
		seen[c.ID] = true
		for _, word := range []string{" mend ", "leave away", " is no "} {
			if strings.Contains(c.Title+c.Why+c.Fix+c.Good, word) {
				t.Errorf("%s: says %q", c.ID, word)
			}
		}
	}
}

// TestIDs: every id that the program can print is a row. Events of runs have
// names that begin with phone, too.
func TestIDs(t *testing.T) {
	id := regexp.MustCompile(`^(wechat|app|link|profile|cloud|request)\.[a-z0-9-]+(\.[a-z0-9-]+)?$`)
	known, said := map[string]bool{}, map[string]bool{}
	for _, c := range Table() {
		known[c.ID] = true
	}
	for _, dir := range []string{"../../cmd", "../../device", "../../intents"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && path == "../../device/check" {
				return fs.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, _ := strconv.Unquote(lit.Value)
					said[text] = true
					if !known[text] && id.MatchString(text) {
						t.Errorf("%s: %q is not in the table", path, text)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range Table() {
		if slices.Contains(c.Needs, NeedRequest) && !said[c.ID] {
			t.Errorf("%s: no request reports it", c.ID)
		}
	}
}

// TestRun: a gap keeps a check from running, and a panic does not affect the
// others.
func TestRun(t *testing.T) {
	f := &Facts{Platform: "android", Gaps: map[Need]Gap{NeedApp: {Skip, "no app"}, NeedProfile: {Unknown, "late"}}}
	for _, got := range Run(f, func(c *Check) bool { return slices.Contains(c.Needs, NeedApp) }) {
		if got.Status != Skip || got.Title != "no app" || got.Fix != (Fix{}) {
			t.Errorf("%+v", got)
		}
	}
	c := Check{ID: "app.x", Group: GroupApp, Severity: Fail, Find: func(*Facts) Result { panic("no luck") }}
	if got := c.run(f); got.Status != Unknown || !strings.Contains(got.Title, "no luck") {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct {
		id       string
		patterns []string
		want     bool
	}{
		{"app.entry.missing", []string{"app.entry.missing"}, true}, {"app.entry.missing", []string{"app"}, true},
		{"app.entry.missing", []string{"app.*"}, true}, {"app.entry.missing", []string{"app.entry"}, true},
		{"app.entry.missing", []string{"link.*", "ap"}, false}, {"app.entry.missing", nil, false}, {"app.entry.missing", []string{"[",
			"*.missing"}, true},
	} {
		if got := Match(tt.id, tt.patterns); got != tt.want {
			t.Errorf("%s in %q: %t", tt.id, tt.patterns, got)
		}
	}
}

// TestComplaints: each complaint has a check that finds it or says where to
// look, and checks name no other complaints.
func TestComplaints(t *testing.T) {
	for i, c := range Complaints() {
		if c.Number != i+1 || len(c.Checks()) == 0 {
			t.Errorf("%d: %q has no check", c.Number, c.Text)
		}
	}
	for _, c := range Table() {
		for _, n := range c.Complaints {
			if n < 1 || n > len(Complaints()) {
				t.Errorf("%s: complaint %d", c.ID, n)
			}
		}
	}
}

// TestLogDictionary: each line of the SDK that reports a problem is known, and
// the one about WeChat's own certificate is not mistaken for one.
func TestLogDictionary(t *testing.T) {
	for _, tt := range []struct{ platform, line, want string }{
		{"android", "MicroMsg.SDK.WXApiImplV10: sendReq failed for wechat app signature check failed", "app.log.wechat"},
		{"android", "MicroMsg.SDK.WXApiImplV10: open wx app failed, not installed or signature check failed", "app.log.wechat"},
		{"android", "MicroMsg.SDK.WXApiImplV10: register app failed for wechat app signature check failed", "app.log.wechat"},
		{"android", "MicroMsg.SDK.WXApiImplV10: sendReq checkArgs fail", "app.log.arguments"},
		{"android", "MicroMsg.SDK.WXMiniProgramObject: checkArgs fail, thumbData should not be null or exceed 128kb", "app.log.thumb"},
		{"android", "MicroMsg.SDK.WXMediaMessage: checkArgs fail, thumbData is invalid", "app.log.thumb"},
		{"android", "MicroMsg.SDK.WXMediaMessage: checkArgs fail, title is invalid", "app.log.text"},
		{"android", "MicroMsg.SDK.WXMediaMessage: checkArgs fail, description is invalid", "app.log.text"},
		{"android", "MicroMsg.SDK.WXTextObject: checkArgs fail, text is too long", "app.log.text"},
		{"android", "MicroMsg.SDK.MMessageAct: send fail, ex = android.os.TransactionTooLargeException", "app.log.binder"},
		{"android", "JavaBinder: !!! FAILED BINDER TRANSACTION !!!  (parcel size = 1200000)", "app.log.binder"},
		{"android", "MicroMsg.SDK.WXApiImplV10: sendReq fail, WXMsgImpl has been detached", "app.log.register"},
		{"android", "MicroMsg.SDK.WXApiImplV10: this open sdk version not support the request type", "app.log.sdk"},
		{"android", "DatabaseUtils: java.lang.SecurityException: Permission Denial: reading androidx.core.content.FileProvider uri content://x", "app.log.file"},
		{"android", "MicroMsg.SDK.WXApiImplComm: check signature:308202eb30820254", ""},
		{"android", "MicroMsg.SDK.WXApiImplComm: pass", ""},
		{"android", "wxdemo: hello", ""},
		{"android", "FragmentManager: Fragment Home has been detached", ""},
		{"android", "Tencent: QQ appId is null", ""},
		{"android", "MqttClient: send fail, ex = java.net.SocketException", ""},
		{"android", "MicroMsg.SDK.WXWebpageObject: checkArgs fail, webpageUrl is too long", "app.log.text"},
		{"ios", "wxlog:WXCheckULStepResult[success: 0, errorInfo: Universal Link check failed. The application is launched by WeChat via scheme", "app.log.link"},
		{"ios", "wxlog:registerApp: appId or universalLink is nil", "app.log.register-ios"},
		{"ios", "wxlog:Successfully starting WeChat with the universal link.", ""},
		{"ios", "JavaBinder: FAILED BINDER TRANSACTION", ""},
	} {
		if c, ok := InLog(tt.platform, tt.line); c.ID != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, want %q", tt.line, c.ID, tt.want)
		}
	}
}
