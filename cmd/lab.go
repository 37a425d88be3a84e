package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab/natslab"
)

// NewCmdLab makes `wxctl lab` and the commands below it.
func NewCmdLab(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:   "lab",
		Short: "Look after a lab of phones on many hosts",
		Long: long(`A lab is a server of NATS JetStream, agents that lend phones to it (wxctl agent),
and runs that use them (wxctl run --lab). The server is in wxctl lab serve; a
nats-server of your own does as well, one or three. See docs/lab.md.`),
		Example: examples(`
# a lab on this machine, in three terminals
wxctl lab serve
wxctl agent --lab nats://127.0.0.1:4222 --device "virtual:android?count=10"
wxctl run smoke.yaml --lab nats://127.0.0.1:4222 --device all`),
	}, NewCmdLabInit(f, nil), NewCmdLabServe(f, nil), NewCmdLabLs(f, nil), newCmdLabMark(f, "drain"), newCmdLabMark(f, "hold"),
		newCmdLabMark(f, "quarantine"), newCmdLabMark(f, "release"))
}

type labLsOptions struct {
	f   *Factory
	lab labAccess
}

// NewCmdLabLs makes `wxctl lab ls`.
func NewCmdLabLs(f *Factory, runF func(context.Context, *labLsOptions) error) *cobra.Command {
	opts := &labLsOptions{f: f}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the phones, agents and runs of a lab",
		Long: long(`List the phones of a lab, with what each does: free, the run that has it, or why
it takes no jobs; agents without phones; and the runs that hand out jobs.`, exit.Credentials),
		Example: examples("wxctl lab ls --lab nats://127.0.0.1:4222"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := opts.lab.check(c); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return labLsRun(c.Context(), opts)
		},
	}
	opts.lab.add(cmd)
	return cmd
}

// labState is what a phone of a lab does. Where it takes no jobs, the state is a
// [natslab.MarkKind], or how its agent's version differs.
type labState string

// The states of phones that take jobs.
const (
	labFree    labState = "free"
	labRunning labState = "running"
)

// labPhone is a phone as wxctl lab ls lists it.
type labPhone struct {
	Phone string          `json:"phone"`
	Agent string          `json:"agent"`
	State labState        `json:"state"` // free, running, held, quarantined, drained, too old, too new
	Run   string          `json:"run,omitempty"`
	Job   string          `json:"job,omitempty"`
	Mark  *natslab.Mark   `json:"mark,omitempty"`
	Info  labInfoSelected `json:"info"`
}

type labInfoSelected struct {
	ID        string   `json:"id"`
	Platform  string   `json:"platform"`
	Model     string   `json:"model"`
	OSVersion string   `json:"osVersion"`
	Labels    []string `json:"labels"`

	WeChat string            `json:"wechat,omitempty"`
	Apps   map[string]string `json:"apps,omitempty"`
}

type labAgent struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Phones  int       `json:"phones"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
}

type labListedRun struct {
	ID       string    `json:"id"`
	Owner    string    `json:"owner"`
	Priority int       `json:"priority"`
	Since    time.Time `json:"since"`
}

func labLsRun(ctx context.Context, o *labLsOptions) error {
	f := o.f
	ctx, cancel := f.Deadline(ctx, listTimeout)
	defer cancel()
	l, err := o.lab.dial(ctx, f, "lab ls")
	if err != nil {
		return err
	}
	defer l.Close()
	state, err := l.State(ctx)
	if err != nil {
		return err
	}
	phones, agents, runs := []labPhone{}, []labAgent{}, []labListedRun{}
	for _, a := range state.Agents {
		agentState := a.Skew(f.Version)
		if _, drained := state.Agent[a.Name]; drained {
			agentState = string(natslab.Drained)
		}
		agents = append(agents, labAgent{a.Name, a.Version, len(a.Phones), agentState, a.Since})
		for _, p := range a.Phones {
			phones = append(phones, listedPhone(state, a, p, agentState))
		}
	}
	for _, r := range state.Runs {
		runs = append(runs, labListedRun{r.ID, r.Owner, r.Priority, r.Since})
	}
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int            `json:"schemaVersion"`
			Phones        []labPhone     `json:"phones"`
			Agents        []labAgent     `json:"agents"`
			Runs          []labListedRun `json:"runs"`
		}{output.SchemaVersion, phones, agents, runs})
	}
	f.tellSkew(state)
	return printLab(f, phones, agents, runs)
}

// tellSkew warns of agents that get no jobs from this version.
func (f *Factory) tellSkew(state *natslab.State) {
	for _, a := range state.Agents {
		if skew := a.Skew(f.Version); skew != "" {
			f.Streams.Warn("agent %s is %s (wxctl %s): it gets no jobs; install this version there", safe(a.Name), skew, safe(a.Version))
		}
	}
}

func listedPhone(state *natslab.State, a natslab.Agent, p natslab.Phone, agentState string) labPhone {
	listed := labPhone{Phone: p.Key, Agent: a.Name, State: labFree, Info: labInfoSelected{p.Info.ID, string(p.Info.Platform), p.Info.Model,
		p.Info.OSVersion, append([]string{}, a.Labels...), p.WeChat, p.Apps}}
	if agentState != "" {
		listed.State = labState(agentState)
	}
	if mark, ok := state.Marks[p.Key]; ok {
		listed.State, listed.Mark = labState(mark.Kind), &mark
	}
	if lease, ok := state.Leases[p.Key]; ok && lease.Run != "" {
		listed.Run, listed.Job = lease.Run, lease.Job
		if listed.State == labFree {
			listed.State = labRunning
		}
	}
	return listed
}

func printLab(f *Factory, phones []labPhone, agents []labAgent, runs []labListedRun) error {
	if len(agents) == 0 {
		f.Streams.Note("the lab has no agents")
	}
	words := f.Streams
	if !words.OutTTY { // tables are in English there
		words = &streams.Streams{}
	}
	rows := [][]output.Cell{}
	for _, p := range phones {
		state := output.Words(string(p.State))
		state.Paint = streams.Good
		why := p.Run
		if p.Mark != nil {
			why = words.Sprintf("by %s", p.Mark.By)
			if p.Mark.Reason != "" {
				why = words.Sprintf("%s, by %s", words.Translate(p.Mark.Reason), p.Mark.By)
			}
			if p.Mark.Until != nil {
				why = words.Sprintf("%s, until %s", why, p.Mark.Until.Local().Format(time.DateTime))
			}
		}
		if p.State != labFree && p.State != labRunning {
			state.Paint = streams.Warn
		}
		rows = append(rows, []output.Cell{output.Text(p.Phone), output.Text(p.Agent), output.Text(p.Info.Platform), output.Text(p.Info.Model),
			output.Text(p.Info.OSVersion), state, output.Text(why), output.Text(strings.Join(p.Info.Labels, ","))})
	}
	if len(rows) > 0 {
		if err := f.Printer().Table([]string{"phone", "agent", "platform", "model", "os", "state", "what", "labels"}, rows); err != nil {
			return err
		}
	}
	for _, a := range agents {
		if a.Phones == 0 {
			f.Streams.Note("agent %s lends no phones", safe(a.Name))
		}
	}
	for _, r := range runs {
		f.Streams.Note("run %s by %s, priority %d", safe(r.ID), safe(r.Owner), r.Priority)
	}
	return nil
}

// labMark is one of the commands that say whether phones take jobs.
type labMark struct {
	f      *Factory
	what   string
	lab    labAccess
	names  []string
	reason string
	hold   time.Duration
}

// newCmdLabMark makes `wxctl lab drain`, hold, quarantine or release.
func newCmdLabMark(f *Factory, what string) *cobra.Command {
	o := &labMark{f: f, what: what}
	cmd := &cobra.Command{
		Use: what + " PHONE…", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.names = args
			if err := o.lab.check(c); err != nil {
				return err
			}
			if what == "hold" && o.hold <= 0 {
				return exit.Usagef("give a duration such as 30m", "invalid --for %s", o.hold)
			}
			return o.run(c.Context())
		},
	}
	o.lab.add(cmd)
	const key = "\n\nPhones are named as wxctl lab ls lists them."
	where := " --lab nats://127.0.0.1:4222"
	switch what {
	case "drain":
		cmd.Use = "drain AGENT…"
		cmd.Short = "Have an agent finish what it does and begin nothing"
		cmd.Long = long(`Have an agent finish what its phones do, begin nothing new, and wait until that is
so: then its host can be restarted. wxctl lab release ends it.`, exit.Credentials)
		cmd.Example = examples("wxctl lab drain rack3" + where)
	case "hold":
		cmd.Short = "Keep a phone from jobs for a time"
		cmd.Long = long(`Keep a phone from new jobs for a time, to use it otherwise. What it does now it
finishes.`+key, exit.Credentials, exit.NoPhone)
		cmd.Example = examples("wxctl lab hold R58N123ABC --for 30m" + where)
		cmd.Flags().DurationVar(&o.hold, "for", 30*time.Minute, "for how long")
		cmd.Flags().StringVar(&o.reason, "reason", "", "`text` that wxctl lab ls shows")
	case "quarantine":
		cmd.Short = "Keep a phone from jobs until it is released"
		cmd.Long = long(`Keep a phone from new jobs until wxctl lab release. An agent does this by itself
with a phone on which three cases were errored within ten minutes.`+key, exit.Credentials, exit.NoPhone)
		cmd.Example = examples(`wxctl lab quarantine R58N123ABC --reason "the battery is swollen"` + where)
		cmd.Flags().StringVar(&o.reason, "reason", "", "`text` that wxctl lab ls shows")
	default:
		cmd.Use = "release PHONE|AGENT…"
		cmd.Short = "Let phones and agents take jobs again"
		cmd.Long = long(`End what hold, quarantine and drain said of phones and agents.`+key, exit.Credentials, exit.NoPhone)
		cmd.Example = examples("wxctl lab release R58N123ABC rack3" + where)
	}
	return cmd
}

func (o *labMark) run(ctx context.Context) error {
	l, err := o.lab.dial(ctx, o.f, "lab "+o.what)
	if err != nil {
		return err
	}
	defer l.Close()
	state, err := l.State(ctx)
	if err != nil {
		return err
	}
	for _, name := range o.names {
		if err := o.known(state, name); err != nil {
			return err
		}
	}
	for _, name := range o.names {
		if err := o.mark(ctx, l, state, name); err != nil {
			return err
		}
	}
	if o.what == "drain" {
		return o.wait(ctx, l)
	}
	return nil
}

func (o *labMark) known(state *natslab.State, name string) error {
	_, phone := state.Marks[name]
	_, agent := state.Agent[name]
	for _, a := range state.Agents {
		agent = agent || a.Name == name
		phone = phone || slices.ContainsFunc(a.Phones, func(p natslab.Phone) bool { return p.Key == name })
	}
	switch {
	case o.what == "drain" && !agent:
		return exit.Usagef("wxctl lab ls lists the agents", "the lab has no agent %q", name)
	case o.what == "release" && !agent && !phone || (o.what == "hold" || o.what == "quarantine") && !phone:
		return &device.Error{Code: device.NoPhone, Message: fmt.Sprintf("the lab has no phone %q", name),
			Hint: "wxctl lab ls lists them"}
	}
	return nil
}

func (o *labMark) mark(ctx context.Context, l *natslab.Lab, state *natslab.State, name string) error {
	m := natslab.Mark{By: whoAmI(), Reason: o.reason, Since: o.f.Now().UTC()}
	switch o.what {
	case "drain":
		m.Kind = natslab.Drained
		return l.MarkAgent(ctx, name, m)
	case "hold":
		m.Kind, m.Until = natslab.Held, new(o.f.Now().Add(o.hold).UTC())
		return l.MarkPhone(ctx, name, m, o.hold)
	case "quarantine":
		m.Kind = natslab.Quarantined
		return l.MarkPhone(ctx, name, m, 0)
	}
	hadPhone, err := l.UnmarkPhone(ctx, name)
	if err != nil {
		return err
	}
	hadAgent, err := l.UnmarkAgent(ctx, name)
	if err == nil && !hadPhone && !hadAgent {
		o.f.Streams.Note("%s was not kept from jobs", safe(name))
	}
	return err
}

// wait waits until the agents that are drained have nothing to do.
func (o *labMark) wait(ctx context.Context, l *natslab.Lab) error {
	ctx, cancel := o.f.Deadline(ctx, 0)
	defer cancel()
	said := -1
	for {
		state, err := l.State(ctx)
		if err != nil {
			return err
		}
		busy := 0
		for _, a := range state.Agents {
			if !slices.Contains(o.names, a.Name) {
				continue
			}
			for _, p := range a.Phones {
				if lease, ok := state.Leases[p.Key]; ok && lease.Holder == a.Name {
					busy++
				}
			}
		}
		if busy == 0 {
			return nil
		}
		if busy != said {
			o.f.Streams.Note("%d phones are still at work", busy)
			said = busy
		}
		pause(ctx, 300*time.Millisecond)
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
}
