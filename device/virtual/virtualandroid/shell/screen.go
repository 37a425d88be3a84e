package shell

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"io"
	"strconv"
	"strings"
	"time"
)

// screencap takes a screenshot: with -p or a .png name as PNG, else raw.
func screencap(c *call) int {
	set, names := c.flags("ph", "d")
	name := ""
	if len(names) > 0 {
		name = names[0]
	}
	write := func(w io.Writer) error {
		_, err := w.Write(c.p.Display().PNG())
		return err
	}
	if !has(set, 'p') && !strings.HasSuffix(name, ".png") {
		write = func(w io.Writer) error { return writeRaw(w, c.p.API, c.p.Display().Picture()) }
	}
	out := c.out
	if name != "" {
		file, err := c.p.FS.Create(c.cred, c.abs(name), 0o666)
		if err != nil {
			c.errorf("Error opening file: %s (%v)\n", name, err)
			return 1
		}
		defer file.Close()
		out = file
	}
	return b2i(write(out) != nil)
}

// writeRaw is screencap's own form: width, height, format (RGBA_8888), from 26
// on a colour space, then the pixels.
func writeRaw(w io.Writer, api int, picture image.Image) error {
	r := picture.Bounds()
	head := binary.LittleEndian.AppendUint32(nil, uint32(r.Dx()))
	head = binary.LittleEndian.AppendUint32(head, uint32(r.Dy()))
	head = binary.LittleEndian.AppendUint32(head, 1)
	if api >= 26 {
		head = binary.LittleEndian.AppendUint32(head, 1)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	rows := image.NewRGBA(image.Rect(0, 0, r.Dx(), min(64, r.Dy()))) // the ten megabytes are never in memory at once
	for y := r.Min.Y; y < r.Max.Y; y += rows.Rect.Dy() {
		draw.Draw(rows, rows.Rect, picture, image.Pt(r.Min.X, y), draw.Src)
		if _, err := w.Write(rows.Pix[:rows.Stride*min(rows.Rect.Dy(), r.Max.Y-y)]); err != nil {
			return err
		}
	}
	return nil
}

// maxFilm is the longest film that screenrecord makes (screenrecord.cpp,
// kMaxTimeLimitSec).
const maxFilm = 180 * time.Second

// screenrecord records the screen until its time limit or SIGINT, both of which
// complete the file.
func screenrecord(c *call) int {
	limit := maxFilm
	name := ""
	for args := c.args[1:]; len(args) > 0; args = args[1:] {
		option, value, joined := strings.Cut(args[0], "=")
		switch option {
		case "--verbose", "--bugreport", "--rotate", "--show-device-info", "--show-frame-time":
			continue
		case "--time-limit", "--size", "--bit-rate", "--output-format", "--codec-name", "--display-id":
		default:
			if strings.HasPrefix(option, "-") && option != "-" {
				c.errorf("screenrecord: unrecognized option '%s'\n", option)
				return 2
			}
			name = args[0]
			continue
		}
		if !joined {
			if args = args[1:]; len(args) == 0 {
				c.errorf("screenrecord: option '%s' requires an argument\n", option)
				return 2
			}
			value = args[0]
		}
		if option == "--time-limit" {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > int(maxFilm/time.Second) {
				c.errorf("Time limit %s must be in the range [1,%d]\n", value, maxFilm/time.Second)
				return 2
			}
			limit = time.Duration(n) * time.Second
		}
	}
	if name == "" {
		c.errorf("Must specify output file (see --help).\n")
		return 2
	}
	out := c.out
	if name != "-" {
		file, err := c.p.FS.Create(c.cred, c.abs(name), 0o666)
		if err != nil {
			c.errorf("Unable to open '%s': %v\n", name, err)
			return 1
		}
		defer file.Close()
		out = file
	}
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	if err := c.p.Display().Film(ctx, out); err != nil {
		fmt.Fprintf(c.err, "Unable to write '%s': %v\n", name, err)
		return 1
	}
	return 0
}
