package ios

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"howett.net/plist"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/proplist"
)

// screenshotService takes pictures of the screen up to iOS 16, and needs the
// developer disk image.
const screenshotService = "com.apple.mobile.screenshotr"

const maxScreenshot = 64 << 20

// screenshotr takes one picture: a PNG, on old phones a TIFF. Its messages are
// lists whose first element is the message's type (libimobiledevice,
// device_link_service.c).
func screenshotr(ctx context.Context, conn net.Conn) (picture []byte, err error) {
	defer conn.Close()
	err = during(ctx, conn, func() error {
		picture, err = takePicture(conn)
		return err
	})
	return picture, err
}

func takePicture(conn io.ReadWriter) ([]byte, error) {
	var hello []any
	if err := readLink(conn, &hello, "DLMessageVersionExchange"); err != nil {
		return nil, err
	}
	if len(hello) < 2 {
		return nil, errors.New("a version exchange without a version")
	}
	if err := writeLink(conn, []any{"DLMessageVersionExchange", "DLVersionsOk", hello[1]}); err != nil {
		return nil, err
	}
	var ready []any
	if err := readLink(conn, &ready, "DLMessageDeviceReady"); err != nil {
		return nil, err
	}
	if err := writeLink(conn, []any{"DLMessageProcessMessage", map[string]any{"MessageType": "ScreenShotRequest"}}); err != nil {
		return nil, err
	}
	var answer []any
	if err := readLink(conn, &answer, "DLMessageProcessMessage"); err != nil {
		return nil, err
	}
	if len(answer) > 1 {
		if reply, ok := answer[1].(map[string]any); ok {
			if data, ok := reply["ScreenShotData"].([]byte); ok {
				return data, nil
			}
		}
	}
	return nil, errors.New("a reply without a picture")
}

func writeLink(w io.Writer, message []any) error {
	body, err := plist.Marshal(message, plist.BinaryFormat)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

func readLink(r io.Reader, into *[]any, want string) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxScreenshot {
		return fmt.Errorf("a message of %d bytes", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if err := proplist.Unmarshal(body, into); err != nil {
		return err
	}
	if len(*into) == 0 || (*into)[0] != want {
		return fmt.Errorf("a message of another kind than %s", want)
	}
	return nil
}

// picture takes a screenshot by the first method that works: the WebDriverAgent
// in use, screenshotr, or a WebDriverAgent that listens.
func (p *Phone) picture(ctx context.Context) ([]byte, error) {
	if p.openers.wda != nil {
		return p.openers.wda.screenshot(ctx)
	}
	conn, err := p.service(ctx, screenshotService)
	if err == nil {
		picture, err := screenshotr(ctx, conn)
		if err != nil && ctx.Err() == nil {
			err = device.Errorf(device.Failed, "the iPhone %q sent no screenshot: %w", p.info.ID, err).
				WithHint("start a WebDriverAgent on the phone, which can take them too")
		}
		return picture, err
	}
	var refusal *LockdownError
	if !errors.As(err, &refusal) {
		return nil, err
	}
	client := p.newWDA()
	if err := client.ready(ctx); err != nil {
		client.Close()
		if errors.Is(err, errNoWDA) {
			return nil, device.Errorf(device.PhoneNotReady, "the iPhone %q has no service for screenshots", p.info.ID).
				WithHint("start a WebDriverAgent on the phone; up to iOS 16 a mounted developer disk image will do")
		}
		return nil, err
	}
	p.openers.wda = client
	return client.screenshot(ctx)
}
