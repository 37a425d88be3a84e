// Command wxctl fires WeChat OpenSDK requests at real phones and shows the results.
package main

import (
	"os"

	"github.com/wxctl/wxctl/cmd"
)

func main() { os.Exit(cmd.Main()) }
