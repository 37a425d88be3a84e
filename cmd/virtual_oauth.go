package cmd

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device/virtual/local"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

type virtualOAuthOptions struct {
	f         *Factory
	port      int
	appID     string
	faults    []string
	tokenLife time.Duration
	perMinute int
	rotate    bool
}

// NewCmdVirtualOAuth makes `wxctl virtual oauth`.
func NewCmdVirtualOAuth(f *Factory, runF func(context.Context, *virtualOAuthOptions) error) *cobra.Command {
	opts := &virtualOAuthOptions{f: f}
	cmd := &cobra.Command{
		Use:   "oauth",
		Short: "Run a virtual OAuth server of WeChat on this computer",
		Long: long(`Run a server on this computer that answers the four OAuth calls as WeChat does:
codes work once and for ten minutes, access tokens for two hours, and refreshing
follows WeChat's rules. Once ready, it prints one line of JSON with its
addresses; --base-url of the auth commands takes the first.

codeUrl stands for the phone: a GET yields a fresh code. The AppSecret that is
expected is WXCTL_APP_SECRET, or the one that is printed.

--fault makes it misbehave: [CALL=]KIND[*TIMES], where CALL is exchange,
refresh, check or userinfo, and KIND an errcode such as 40163 or one of the
kinds that `+"`wxctl help faults`"+` lists.

A POST of text/plain to /virtual/faults on the server changes them while it
runs, one to /virtual/expire ends all access tokens, one to
/virtual/password?openid=… stands for a changed password. Pages in a browser are
turned away, whatever name they have for it. It stays until Ctrl-C, SIGTERM or, if stdin is a pipe,
its end.`, exit.Interrupted, exit.Terminated),
		Example: examples("wxctl virtual oauth --port 0\nwxctl virtual oauth --fault exchange=40163 --fault 'userinfo=slow:2s*1'"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return virtualOAuthRun(c.Context(), opts)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&opts.port, "port", 0, "TCP port on the loopback address; 0 means any free one")
	flags.StringVar(&opts.appID, "app-id", virtualoauth.DefaultAppID, "AppID that it knows")
	flags.StringArrayVar(&opts.faults, "fault", nil, "`fault` to answer with; can be given several times")
	flags.DurationVar(&opts.tokenLife, "token-life", virtualoauth.TokenLife, "life of an access token, whole seconds")
	flags.IntVar(&opts.perMinute, "per-minute", 0, "requests of each call per minute before errcode 45011; 0 means no limit")
	flags.BoolVar(&opts.rotate, "rotate-refresh", false, "give a new refresh token with every refresh")
	return cmd
}

func faultTable() string {
	var b strings.Builder
	kinds := virtualoauth.FaultKinds()
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		name := kind
		switch kind {
		case "slow":
			name = "slow:DURATION"
		case "status", "redirect", "errcode":
			name = kind + ":N"
		}
		b.WriteString("  " + name + strings.Repeat(" ", 15-len(name)) + kinds[kind] + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func virtualOAuthRun(ctx context.Context, opts *virtualOAuthOptions) error {
	f := opts.f
	serverOptions := virtualoauth.Options{
		AppID: opts.appID, Secret: f.Getenv("WXCTL_APP_SECRET"),
		TokenLife: opts.tokenLife, PerMinute: opts.perMinute, RotateRefresh: opts.rotate,
	}
	if err := config.CheckAppID(opts.appID); err != nil {
		return exit.Usagef("--app-id "+virtualoauth.DefaultAppID, "--app-id: %v", err)
	}
	if opts.port < 0 || opts.port > 65535 {
		return exit.Usagef("--port 0 takes any free port", "invalid --port %d: use 0 to 65535", opts.port)
	}
	if opts.tokenLife < time.Second || opts.perMinute < 0 {
		return exit.Usagef("wxctl virtual oauth --help", "--token-life must be at least a second, and --per-minute not negative")
	}
	for _, text := range opts.faults {
		fault, err := virtualoauth.ParseFault(text)
		if err != nil {
			return exit.Usagef("wxctl virtual oauth --help", "--fault: %v", err)
		}
		serverOptions.Faults = append(serverOptions.Faults, fault)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(opts.port)))
	if err != nil {
		return exit.Usagef("--port 0 takes any free one", "can't listen on port %d", opts.port)
	}
	baseURL := "http://" + listener.Addr().String()
	ready := struct {
		BaseURL string `json:"baseUrl"`
		CodeURL string `json:"codeUrl"`
		AppID   string `json:"appId"`
		Secret  string `json:"appSecret,omitempty"`
	}{baseURL, baseURL + virtualoauth.CodePath, opts.appID, ""}
	if serverOptions.Secret == "" { // a fixed, public test value
		ready.Secret = virtualoauth.DefaultSecret
	}
	ctx, stop := f.Deadline(ctx, 0)
	defer stop()
	server := &http.Server{
		Handler: local.Only(virtualoauth.New(serverOptions), "text/plain"), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, // ends stalled answers
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	err = f.Printer().Line(ready)
	if err == nil {
		err = f.untilEnd(ctx)
	}
	stop()
	return errors.Join(err, server.Close(), ignoreClosed(<-served))
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
