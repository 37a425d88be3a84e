package ioswire_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// The questions to the SDK in fixtures/conformance/ios, and its answers; the
// README there describes them.

type object = map[string]any

// sdkData is data for the emulator; long runs of zeros are described only.
func sdkData(b []byte) any {
	if b == nil {
		return nil
	}
	if len(b) > 1<<20 && bytes.Count(b, []byte{0}) == len(b) {
		return object{"fill": "\x00", "length": len(b)}
	}
	return object{"base64": base64.StdEncoding.EncodeToString(b)}
}

// properties of a library object; nil ones keep the value of a new object.
func sdkObject(class string, properties object) object {
	out := object{"$": class}
	for key, value := range properties {
		switch v := value.(type) {
		case *string:
			if v != nil {
				out[key] = *v
			}
		case []byte:
			if v != nil {
				out[key] = sdkData(v)
			}
		case map[string]string:
			if v != nil {
				out[key] = v
			}
		case nil:
		default:
			out[key] = v
		}
	}
	return out
}

// sdkRequest is the library's object for a request.
func sdkRequest(req intents.Request, sdk ioswire.Version) object {
	newest := sdk == ioswire.SDK200
	openID := req.Base().OpenID
	switch r := req.(type) {
	case intents.Share:
		out := object{"scene": int(r.Scene), "openID": openID, "toUserOpenId": r.To}
		if text, ok := r.Message.Object.(intents.Text); ok {
			out["bText"], out["text"] = true, text.Text
		} else {
			out["message"] = sdkMessage(&r.Message, newest)
		}
		return sdkObject("SendMessageToWXReq", out)
	case intents.Auth:
		out := object{"scope": r.Scope, "state": r.State, "openID": openID}
		if newest {
			out["extData"], out["isOption1"], out["nonautomatic"] = r.ExtData, r.IsOption1, r.NonAutomatic
		}
		return sdkObject("SendAuthReq", out)
	case intents.LaunchMiniProgram:
		return sdkObject("WXLaunchMiniProgramReq", object{"userName": r.UserName, "path": r.Path, "miniProgramType": int(r.Type), "extMsg": r.ExtMsg, "openID": openID})
	case intents.SubscribeMessage:
		return sdkObject("WXSubscribeMsgReq", object{"scene": int(r.Scene), "templateId": r.TemplateID, "reserved": r.Reserved, "openID": openID})
	case intents.SubscribeMiniProgramMessage:
		return sdkObject("WXSubscribeMiniProgramMsgReq", object{"miniProgramAppid": r.MiniProgramAppID, "openID": openID})
	case intents.OpenWebview:
		return sdkObject("OpenWebviewReq", object{"url": r.URL, "openID": openID})
	}
	panic("no such request")
}

func sdkMessage(m *intents.Message, newest bool) object {
	out := object{"title": m.Title, "description": m.Description, "thumbData": m.Thumb, "mediaTagName": m.MediaTag,
		"messageAction": m.Action, "messageExt": m.Ext, "mediaObject": sdkMedia(m.Object, newest)}
	if newest {
		out["thumbDataHash"], out["msgSignature"] = m.ThumbHash, m.Signature
	}
	return sdkObject("WXMediaMessage", out)
}

func sdkMedia(o intents.Object, newest bool) object {
	only := func(all, newer object) object {
		if newest {
			for key, value := range newer {
				all[key] = value
			}
		}
		return all
	}
	switch o := o.(type) {
	case intents.Image:
		return sdkObject("WXImageObject", only(object{"imageData": o.Data}, object{"imgDataHash": o.DataHash}))
	case intents.Music:
		return sdkObject("WXMusicObject", object{"musicUrl": o.URL, "musicLowBandUrl": o.LowBandURL, "musicDataUrl": o.DataURL,
			"musicLowBandDataUrl": o.LowBandDataURL, "songAlbumUrl": o.AlbumURL, "songLyric": o.Lyric})
	case intents.Video:
		return sdkObject("WXVideoObject", object{"videoUrl": o.URL, "videoLowBandUrl": o.LowBandURL})
	case intents.Webpage:
		return sdkObject("WXWebpageObject", only(object{"webpageUrl": o.URL}, object{"isSecretMessage": o.Secret, "extraInfoDic": o.ExtraInfo}))
	case intents.MiniProgram:
		return sdkObject("WXMiniProgramObject", only(object{"webpageUrl": o.WebpageURL, "userName": o.UserName, "path": o.Path,
			"hdImageData": o.HDImage, "withShareTicket": o.WithShareTicket, "miniProgramType": int(o.Type), "disableForward": o.DisableForward != 0},
			object{"isUpdatableMessage": o.Updatable, "isSecretMessage": o.Secret, "extraInfoDic": o.ExtraInfo}))
	case intents.File:
		return sdkObject("WXFileObject", object{"fileData": o.Data, "fileExtension": o.Ext})
	case intents.Emoji:
		return sdkObject("WXEmoticonObject", object{"emoticonData": o.Data})
	case intents.VideoFile:
		return sdkObject("WXVideoFileObject", object{"videoFileData": o.Data})
	case intents.MusicVideo:
		out := object{"musicUrl": o.URL, "musicDataUrl": o.DataURL, "singerName": o.Singer, "songLyric": o.Lyric, "hdAlbumThumbData": o.HDThumb,
			"hdAlbumThumbFileHash": o.HDThumbHash, "albumName": o.Album, "musicGenre": o.Genre, "issueDate": o.IssueDate,
			"identification": o.Identification, "musicOperationUrl": o.OperationURL, "duration": int(uint32(o.Duration))}
		if o.VIP != nil {
			out["musicVipInfo"] = sdkObject("WXMusicVipInfo", object{"musicId": o.VIP.MusicID})
		}
		return sdkObject("WXMusicVideoObject", out)
	}
	panic("no such object")
}

// sdkSettings are the phone and the app of a sender.
func sdkSettings(s ioswire.Sender) object {
	out := object{"appId": s.AppID, "bundleId": s.BundleID, "universalLink": s.UniversalLink}
	open := []string{"weixin"}
	if s.UniversalLink == "" { // as Encode assumes then
		out["universalLink"] = caseLink
	} else if !s.Phone.NoUniversalLinks {
		open = append(open, "weixinULAPI")
	}
	if !s.Phone.NoURLParams {
		open = append(open, "weixinURLParamsAPI")
	}
	out["canOpen"] = open
	if s.Phone.IOS != 0 {
		out["iosVersion"] = strconv.Itoa(s.Phone.IOS) + ".0"
	}
	if s.Token != "" && !s.Resent {
		out["token"] = s.Token
	}
	if s.Phone.PasteboardText != nil {
		out["pasteboard"] = object{"string": *s.Phone.PasteboardText}
	}
	if s.Degraded {
		out["openSucceeds"] = object{"universalLink": false}
	}
	return out
}

// ask runs cases through the emulated SDK; the answers are in their order.
func ask(t *testing.T, sdk ioswire.Version, cases []object) []json.RawMessage {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cases.jsonl")
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, c := range cases {
		if err := encoder.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.FromSlash("../../fixtures/conformance/ios/ask"), "--sdk", string(sdk), file)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("the emulated SDK did not run: %v", err)
	}
	var answers []json.RawMessage
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		answers = append(answers, json.RawMessage(bytes.Clone(scanner.Bytes())))
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d cases", len(answers), len(cases))
	}
	return answers
}
