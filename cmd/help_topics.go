package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

// exitCodes is the table of exit codes.
func exitCodes() string {
	var codes strings.Builder
	codes.WriteString("wxctl's exit codes are stable. Treat an unknown code as failure.\n\n")
	for _, m := range exit.Table() {
		fmt.Fprintf(&codes, "  %3d  %s (since %s)\n", m.Code, m.Text, m.Since)
	}
	return strings.TrimSpace(codes.String())
}

// helpTopics are pages of help that belong to no command. They are commands
// to cobra, so that they reach the manual.
func helpTopics(f *Factory) []*cobra.Command {
	return []*cobra.Command{
		{
			Use:   "exit-codes",
			Short: "Exit codes and what they mean",
			Long:  exitCodes(),
		},
		{
			Use:   "environment",
			Short: "Environment variables that wxctl reads",
			Long: strings.TrimSpace(`
A flag wins over its variable, a variable over the profile.

  WXCTL_DEVICE                 the phone, as --device takes it
  ANDROID_SERIAL, GO_IOS_UDID  the phone, if WXCTL_DEVICE is not set
  WXCTL_PROFILE                the profile of the configuration
  WXCTL_LANG                   the language of messages and help, zh or en
  LC_ALL, LC_MESSAGES, LANG    the locale, if WXCTL_LANG is not set
  WXCTL_APP_ID                 the AppID of the app under test
  WXCTL_APP_SECRET             the AppSecret for the auth commands
  WXCTL_STORE                  where secrets and tokens are kept, as --store takes it
  HTTPS_PROXY, NO_PROXY        the proxy to WeChat's server; plain http takes none
  WXCTL_AASA_BASE              a server here that stands for all websites in
                               wxctl doctor --online, https://127.0.0.1:PORT
  WXCTL_CONFIG_DIR             where config.toml is
  WXCTL_STATE_DIR              where locks and the file store are (--state-dir)
  ADB_SERVER_SOCKET            the adb server, such as tcp:127.0.0.1:5037
  ANDROID_ADB_SERVER_ADDRESS   its host, if ADB_SERVER_SOCKET is not set
  ANDROID_ADB_SERVER_PORT      its port, likewise
  USBMUXD_SOCKET_ADDRESS       the usbmuxd, a path or HOST:PORT
  GO_IOS_AGENT_HOST            where go-ios's tunnel service runs (127.0.0.1)
  GO_IOS_AGENT_PORT            its port (60105)
  NO_COLOR                     no colour, if not empty
  CLICOLOR_FORCE               colour also off a terminal, if not 0`),
		},
		{
			Use:   "selectors",
			Short: "How --device chooses phones",
			Long: strings.TrimSpace(`
--device takes one of these. Without it, the only ready phone is meant.

  R5CT20ABCDE              a serial number, or the start of one that no other has
  00008110-000A1B2C3D4E5F60  a UDID, with or without its dash, or its start
  "Lab-3"                  the name of a phone
  usb:1-1, transport-id:3  as adb names it; also model:X, product:X, device:X
  platform=android,os>=12  conditions that all must hold: platform, os, model,
                           name, transport, id with = != < <= > >=
  all                      all ready phones, as --all
  virtual:android?OPTIONS  a virtual phone, such as virtual:android?api=29
  virtual:ios?OPTIONS      a virtual iPhone, such as virtual:ios?ios=16.7

wxctl virtual android --help lists the options of virtual phones.`),
		},
		{
			Use:   flagsTopic,
			Short: "The flags that requests and all commands share",
			Long:  sharedFlags(f),
		},
		{
			Use:   "faults",
			Short: "What wxctl virtual oauth can be told to do wrong",
			Long:  "--fault takes [CALL=]KIND[*TIMES], where KIND is an errcode or one of:\n\n" + faultTable(),
		},
		{
			Use:   "formatting",
			Short: "Tables, JSON and jq",
			Long: strings.TrimSpace(`
The answer is on stdout, everything else on stderr.

On a terminal, lists are tables. Off it, they are lines of tab-separated
values without a header. With --json every command prints one JSON object,
also when it fails; streams and --device all print one object a line. --jq
applies a jq expression to each object; text results are printed raw.

Objects carry schemaVersion. Within a version fields are added, none changes
its meaning. Times are integers of milliseconds in fields that end in Ms, or
RFC 3339.`),
		},
	}
}
