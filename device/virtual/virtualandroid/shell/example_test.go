package shell_test

import (
	"context"
	"fmt"
	"os"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/shell"
)

// A command line, run on a phone as adb shell would.
func Example() {
	p, err := phone.New(phone.Options{API: 34, Model: "Pixel 9"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	p.SetShell(shell.Shell{})
	code := p.Exec(context.Background(), phone.Command{Stdout: os.Stdout, Stderr: os.Stdout,
		Line: `getprop ro.product.model; pm path com.android.settings; for i in 1 2; do echo $((i*i)); done; nosuch || exit 42`})
	fmt.Println(code)
	// Output:
	// Pixel 9
	// package:/system/priv-app/Settings/Settings.apk
	// 1
	// 4
	// /system/bin/sh: nosuch: inaccessible or not found
	// 42
}
