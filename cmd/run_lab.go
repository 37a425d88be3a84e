package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/media"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/intents/suite"
)

// labRun is the lab of a run, from its owner's side.
type labRun struct {
	lab      *natslab.Lab
	priority int
	phones   string // the selector for phones that are added later
	queue    *natslab.Queue
	end      context.CancelFunc

	fetching sync.WaitGroup
	absent   map[string]time.Time // jobs that no phone can take, and since when
}

// labWork is what agents need to know about a run besides its jobs.
type labWork struct {
	Plan  string            `json:"plan"`  // file of the lab
	Files map[string]string `json:"files"` // by the name in the suite
	// Settings are those of the owner's profile and environment, without
	// secrets.
	Settings map[string]string `json:"settings"`
}

// openLab finds the phones of a run in the lab.
func (o *runOptions) openLab(ctx context.Context) (phones []*runPhone, none error, closeLab func(), err error) {
	sel, err := o.f.selector(&o.phone)
	if err != nil {
		return nil, nil, nil, err
	}
	if sel.Virtual != nil {
		return nil, nil, nil, exit.Usagef("lend it to the lab: wxctl agent --lab URL --device "+suite.Quote(sel.Text),
			"a virtual phone of this process is not one of the lab")
	}
	sel.All = sel.All || len(sel.Conditions) > 0
	l, err := o.lab.dial(ctx, o.f, "run")
	if err != nil {
		return nil, nil, nil, err
	}
	o.inLab = &labRun{lab: l, priority: o.priority, absent: map[string]time.Time{}}
	listed, chosen, err := o.chooseInLab(ctx, sel)
	if err != nil {
		o.f.explain(err)
		var own *device.Error
		if !errors.As(err, &own) || own.Code != device.NoPhone && own.Code != device.PhoneNotReady {
			l.Close()
			return nil, nil, nil, err
		}
		err = &device.Error{Code: device.NoPhone, Message: "no phone of the lab fits",
			Hint: "wxctl lab ls lists them; --wait 1m waits for one", Err: err}
		o.f.Streams.Warn("no case can run: %s", describe(err).Message)
		return nil, err, l.Close, nil
	}
	for _, p := range listed {
		if slices.ContainsFunc(chosen.Phones, func(i device.Info) bool { return i.ID == p.info.ID && i.Agent == p.info.Agent }) {
			phones = append(phones, p)
		}
	}
	switch {
	case !sel.All:
		o.inLab.phones = "id=" + phones[0].info.ID + ",agent=" + phones[0].agent
	case len(sel.Conditions) > 0:
		o.inLab.phones = sel.Text
	}
	if sel.Platform != "" {
		o.inLab.phones = strings.TrimPrefix(o.inLab.phones+",platform="+string(sel.Platform), ",")
	}
	return phones, nil, l.Close, nil
}

// chooseInLab finds the phones that sel means among those that the lab lists.
// With --wait it waits for them. A resumed run waits for those that it had: a lab
// whose server was started again lists phones only when their agents report them.
func (o *runOptions) chooseInLab(ctx context.Context, sel device.Selector) (listed []*runPhone, chosen device.Selection, err error) {
	patience, first := o.phone.wait, true
	if o.resume != "" {
		patience = max(patience, o.inLab.lab.DeviceTTL())
	}
	err = o.f.patiently(ctx, patience, func() (again bool, err error) {
		state, err := o.inLab.lab.State(ctx)
		if err != nil {
			return false, err
		}
		if first {
			o.f.tellSkew(state)
		}
		first = false
		listed = labPhones(state, o.f.Version)
		infos := make([]device.Info, len(listed))
		for i, p := range listed {
			infos[i] = p.info
		}
		chosen, err = device.Select(infos, sel)
		missing := slices.ContainsFunc(o.had, func(before suite.Phone) bool {
			return !slices.ContainsFunc(listed, func(p *runPhone) bool { return p.key() == before.ID })
		})
		return err == nil && missing || worthWaiting(err, sel.All && o.phone.wait > 0, chosen), err
	})
	return listed, chosen, err
}

// labPhones are the phones of a lab that accept jobs of this version.
func labPhones(state *natslab.State, version string) []*runPhone {
	var all []*runPhone
	seen := map[string]bool{}
	for _, a := range state.Agents {
		if a.Skew(version) != "" {
			continue
		}
		for _, p := range a.Phones {
			if mark, ok := state.Marks[p.Key]; ok && mark.Kind == natslab.Quarantined || seen[p.Key] {
				continue
			}
			if _, drained := state.Agent[a.Name]; drained {
				continue
			}
			seen[p.Key] = true
			all = append(all, &runPhone{info: labInfo(a, p), name: p.Key, agent: a.Name})
		}
	}
	return all
}

// labInfo is a phone as its agent describes it.
func labInfo(a natslab.Agent, p natslab.Phone) device.Info {
	info := p.Info
	info.Agent, info.Labels = a.Name, a.Labels
	return info
}

// open submits the run to the lab.
func (l *labRun) open(ctx context.Context, r *suiteRun) error {
	work, err := l.upload(ctx, r)
	if err != nil {
		return err
	}
	text, err := json.Marshal(work)
	if err != nil {
		return err
	}
	// When the run is interrupted, current jobs are finished and not cancelled.
	ctx, l.end = context.WithCancel(context.WithoutCancel(ctx))
	l.queue, err = l.lab.Own(ctx, natslab.Run{
		ID: r.id, Owner: whoAmI(), Priority: l.priority, Since: r.f.Now().UTC(), Version: r.f.Version, Device: l.phones, Work: text,
	}, natslab.Owner{Resume: r.before != nil, Record: r.record, Answer: r.answer})
	if err != nil {
		l.end()
		return err
	}
	r.queue = l.queue
	return nil
}

func (l *labRun) close() {
	l.fetching.Wait()
	l.end()
}

// upload uploads the plan and the files that it names to the lab.
func (l *labRun) upload(ctx context.Context, r *suiteRun) (*labWork, error) {
	work := &labWork{Files: map[string]string{}, Settings: map[string]string{}}
	for _, key := range config.Keys() {
		if key.Name == "device" {
			continue // the run has chosen its phones
		}
		s, err := r.f.Setting(key.Name, "")
		if err != nil {
			return nil, err
		}
		if s.Value != "" {
			work.Settings[key.Name] = s.Value
		}
	}
	for i := range r.plan.Cases {
		c := &r.plan.Cases[i]
		for j := range c.Steps {
			s := &c.Steps[j]
			if err := r.fitForLab(c, s); err != nil {
				return nil, err
			}
			for _, name := range filesOf(s) {
				if err := l.uploadFile(ctx, r, work, name); err != nil {
					return nil, err
				}
			}
		}
	}
	text, err := json.Marshal(r.plan)
	if err != nil {
		return nil, err
	}
	work.Plan, err = l.lab.PutFile(ctx, text)
	return work, err
}

// fitForLab refuses steps that would need a secret on the phone's host.
func (r *suiteRun) fitForLab(c *suite.Case, s *suite.Step) error {
	codeOnly := slices.ContainsFunc(s.With, func(f suite.Flag) bool { return f.Name == "code-only" && f.Value == "true" })
	if s.Do == "auth login" && !codeOnly {
		return exit.Usagef("add code-only: true, capture the code, and exchange it in the next step, which this process does",
			"the case %q can't run in a lab: auth login would need the AppSecret on the host of the phone", c.Name)
	}
	return nil
}

// filesOf are the values in a step that may be names of files.
func filesOf(s *suite.Step) []string {
	var names []string
	for _, f := range s.With {
		if slices.Contains(fileFlags, f.Name) {
			names = append(names, f.Value)
		}
	}
	if s.Do != "share text" {
		names = append(names, s.Args...)
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" || n == "-" || media.IsURL(n) || strings.Contains(n, "://") })
}

func (l *labRun) uploadFile(ctx context.Context, r *suiteRun, work *labWork, name string) error {
	plain, err := suite.Fill(name, func(string) (string, bool) { return "", false })
	if err != nil || work.Files[plain] != "" {
		return nil // only known at the phone, or already there
	}
	full := plain
	if !filepath.IsAbs(full) {
		full = filepath.Join(r.plan.Dir, filepath.FromSlash(full))
	}
	if info, err := os.Stat(full); err != nil || !info.Mode().IsRegular() {
		return nil // the command reports it if it should be a file
	}
	data, err := files.Read(full, natslab.MaxFile)
	if err != nil {
		return files.Unreadable(full, err)
	}
	work.Files[plain], err = l.lab.PutFile(ctx, data)
	return err
}

// watch returns channels for what may happen to a run in a lab besides the ends
// of its jobs.
func (l *labRun) watch() (broken <-chan error, look *time.Ticker) {
	if l == nil {
		look = time.NewTicker(time.Hour)
		look.Stop()
		return nil, look
	}
	return l.queue.Failed(), time.NewTicker(2 * time.Second)
}

// goneAfter is how long a job waits for a phone, in addition to the time for
// which the lab lists a silent one.
const goneAfter = 15 * time.Second

// gone ends jobs for which no phone is left in the lab.
func (r *suiteRun) gone(ctx context.Context, pending map[string]todo) error {
	l := r.inLab
	state, err := l.lab.State(ctx)
	if err != nil {
		return nil // it is tried again soon; a permanent failure is reported elsewhere
	}
	phones, now := labPhones(state, r.f.Version), time.Now()
	lost := map[string]bool{}
	for id, t := range pending {
		there := slices.ContainsFunc(phones, func(p *runPhone) bool {
			return t.phone == p.key() || t.phone == "" && fits(p.info, t.c.On.Phones) && fits(p.info, l.phones)
		})
		since, known := l.absent[id]
		switch {
		case there:
			delete(l.absent, id)
		case !known:
			l.absent[id] = now
		case now.Sub(since) > l.lab.DeviceTTL()+goneAfter:
			lost[id] = true
		}
	}
	if len(lost) == 0 {
		return nil
	}
	jobs, err := l.queue.Withdraw(ctx, func(j lab.Job) bool { return lost[j.ID] })
	for _, job := range jobs {
		t := pending[job.ID]
		end := suite.End{Status: suite.Errored, Reason: "no phone of the lab that fits is left", ExitCode: exit.NoPhone,
			Outcome: json.RawMessage("null")}
		end.Problems = []suite.Problem{{File: r.plan.File, Line: t.c.Pos.Line, Column: t.c.Pos.Column, Message: end.Reason,
			Hint: "wxctl lab ls lists the phones"}}
		e := suite.Event{Place: &suite.Place{Case: t.c.Name, Phone: t.phone, Attempt: t.attempt}}
		err = errors.Join(err, r.end(lab.Update{Job: job, Phone: t.phone}, e, end))
	}
	return err
}

// fetch downloads a file of an attempt into the run folder.
func (l *labRun) fetch(r *suiteRun, a suite.Artifact) {
	l.fetching.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := l.fetchInto(ctx, r, a); err != nil {
			r.f.Streams.Warn("%s", safe(fmt.Sprintf("%q can't be kept: %s", a.Path, describe(err).Message)))
		}
	})
}

func (l *labRun) fetchInto(ctx context.Context, r *suiteRun, a suite.Artifact) error {
	name := filepath.FromSlash(a.Path)
	if !filepath.IsLocal(name) || !strings.HasPrefix(a.Path, "artifacts/") {
		return errors.New("it is not in the folder of artifacts")
	}
	data, err := l.lab.Get(ctx, artifactName(r.id, a.Path))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != a.SHA256 {
		return errors.New("it is damaged")
	}
	full := filepath.Join(r.folder.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return err
	}
	return os.WriteFile(full, data, 0o600)
}

// artifactName is the name of a file of an attempt in the lab.
func artifactName(run, path string) string { return run + "/" + path }

// ownerAsk is an agent's question to the owner of a run: a variable of the
// suite's secrets, or a step that touches no phone and therefore runs where the
// secrets are.
type ownerAsk struct {
	Env    string            `json:"env,omitempty"`
	Case   string            `json:"case,omitempty"`
	Step   int               `json:"step"`
	Phone  string            `json:"phone"`
	Values map[string]string `json:"values,omitempty"` // captured, and of the phone
}

// ownerAnswer is the owner's answer.
type ownerAnswer struct {
	Value    string             `json:"value,omitempty"`
	ExitCode int                `json:"exitCode"`
	JSON     json.RawMessage    `json:"json,omitempty"`
	Report   device.ErrorReport `json:"report"`
	Log      string             `json:"log,omitempty"`
}

// answer answers an agent. It only executes what is in the plan.
func (r *suiteRun) answer(ctx context.Context, text []byte) ([]byte, error) {
	var ask ownerAsk
	if err := json.Unmarshal(text, &ask); err != nil {
		return nil, err
	}
	if ask.Env != "" {
		if !slices.Contains(r.plan.Secrets, ask.Env) {
			return nil, fmt.Errorf("%q is not a secret of the suite", ask.Env)
		}
		return json.Marshal(ownerAnswer{Value: r.f.Getenv(ask.Env)})
	}
	c := r.plan.Find(ask.Case)
	if c == nil || ask.Step < 0 || ask.Step >= len(c.Steps) || r.vocabulary.Command(c.Steps[ask.Step].Do).Phone {
		return nil, errors.New("the plan has no such step")
	}
	args, err := r.arguments(c, &c.Steps[ask.Step], ask.Phone, func(text string) (string, error) {
		return suite.Fill(text, func(name string) (string, bool) {
			if env, ok := strings.CutPrefix(name, "env."); ok {
				return r.f.Getenv(env), slices.Contains(r.plan.Secrets, env)
			}
			v, ok := ask.Values[name]
			return v, ok
		})
	})
	if err != nil {
		return nil, err
	}
	answer, said := r.command(ctx, args, nil)
	r.hideSecrets(readOutcome(answer.JSON))
	reply := ownerAnswer{ExitCode: answer.ExitCode, Report: said.ErrorReport, Log: said.log}
	if json.Valid(answer.JSON) {
		reply.JSON = answer.JSON
	}
	return json.Marshal(reply)
}

// hostName is this host's default name in a lab.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || net.ParseIP(name) != nil || name == "" {
		return "agent"
	}
	return name
}
