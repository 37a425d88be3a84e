package wechat_test

import (
	"fmt"
	"os"
	"time"

	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// handset is a phone with one app on it.
type handset struct{}

func (handset) API() int                         { return 34 }
func (handset) Now() time.Time                   { return time.Unix(0, 0) }
func (handset) Certificates(pkg string) [][]byte { return [][]byte{[]byte("certificate of " + pkg)} }
func (handset) Size(string, bool) (int64, error) { return 0, os.ErrNotExist }

func ExampleWeChat_Receive() {
	w := wechat.New(wechat.Options{
		Answer: wechat.Cancel,
		Apps: []wechat.Record{{
			AppID: "wx0123456789abcdef", Package: "com.example.app",
			Signature: wechat.Signature([]byte("certificate of com.example.app")),
		}},
	}, handset{})
	request := intents.Share{Scene: intents.SceneSession, Message: intents.Message{Object: intents.Text{Text: new("hello")}}}
	wires, err := androidwire.Encode(request, androidwire.Sender{AppID: "wx0123456789abcdef", Package: "com.example.app", RequestOnly: true})
	if err != nil {
		panic(err)
	}
	course := w.Receive(*wires[0].Intent)
	for _, screen := range course.Screens {
		fmt.Println(screen.Class)
	}
	// Since 6.7.2 WeChat says 0 when the user cancels, too.
	fmt.Println(course.Reply.Content.Answer().ErrCode)
	// Output:
	// com.tencent.mm.plugin.base.stub.UIEntryStub
	// com.tencent.mm.ui.transmit.SelectConversationUI
	// 0
}
