package virtualandroid

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/shell"
	"github.com/wxctl/wxctl/intents/androidwire"
)

const shellPackage = "com.android.shell"

// agentProgram is wxctl's agent as app_process runs it: the same lines, with
// the answers that the system of the model gives. It is there only if a dex
// with its class was pushed.
type agentProgram struct {
	media  *mediaStore
	locked bool // no user has unlocked the phone yet
}

// Run implements phone.Program.
func (a agentProgram) Run(ctx context.Context, p *phone.Phone, e phone.ProgramEnv) int {
	if err := loadDex(p, e); err != nil {
		fmt.Fprintf(e.Stderr, "Error: %v\n", err)
		return 1
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &agentSession{phone: p, media: a.media, locked: a.locked, env: e, out: e.Stdout}
	defer s.watchers.Wait()
	defer cancel()
	hello := agent.Hello{Agent: agent.Version, API: p.API, UID: e.UID, PID: e.PID}
	if e.UID == phone.RootUID || e.UID == phone.SystemUID {
		hello.Error = &agent.Error{Kind: agent.KindForbiddenUser, Message: fmt.Sprintf("the agent does not run as uid %d", e.UID)}
		s.write(hello)
		return 1
	}
	s.write(hello)
	lines := newLineReader(e.Stdin)
	for ctx.Err() == nil {
		line, err := lines.next()
		if err != nil && !errors.Is(err, errLongLine) {
			break
		}
		s.serve(ctx, line, err)
	}
	return 0
}

// loadDex refuses what ART refuses: no such file, no dex, a dex that does not
// have the class. Since API 34 a dex must not be writable, except for root and
// shell (DexFile.isReadOnlyJavaDclChecked).
func loadDex(p *phone.Phone, e phone.ProgramEnv) error {
	cred := phone.CredOf(e.UID)
	descriptor := []byte("L" + strings.ReplaceAll(e.Class, ".", "/") + ";")
	for _, path := range e.ClassPath {
		dex, err := p.FS.ReadFile(cred, path)
		if err != nil {
			continue // a class path entry that is missing is skipped with a warning
		}
		if bytes.HasPrefix(dex, []byte("dex\n")) && bytes.Contains(dex, descriptor) {
			return nil
		}
	}
	return &phone.Exception{Class: "java.lang.ClassNotFoundException", Message: fmt.Sprintf("Didn't find class %q on path: %s", e.Class,
		strings.Join(e.ClassPath, ":"))}
}

// agentSession is one running agent.
type agentSession struct {
	phone    *phone.Phone
	media    *mediaStore
	locked   bool
	env      phone.ProgramEnv
	watchers sync.WaitGroup
	watching bool

	mu  sync.Mutex
	out io.Writer
}

// longest is the longest answer in bytes that the agent writes.
const longest = 1 << 20

func (s *agentSession) write(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		return
	}
	if l, ok := v.(agent.Line); ok && len(line) > longest {
		s.write(agent.Line{ID: l.ID, Error: &agent.Error{Kind: agent.KindTooLong, Message: fmt.Sprintf("%d chars", len(line))}})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.out.Write(append(line, '\n')) // the reader is gone: the end of stdin follows
}

// serve answers one line.
func (s *agentSession) serve(ctx context.Context, line []byte, err error) {
	var request agent.Request
	if err == nil {
		if err = json.Unmarshal(line, &request); err == nil && request.Verb == "" {
			err = errors.New("no verb")
		}
	}
	var answer any
	if err != nil {
		err = &agent.Error{Kind: agent.KindBadRequest, Message: err.Error()}
	} else {
		answer, err = s.do(ctx, &request)
	}
	reply := agent.Line{ID: request.ID}
	if err == nil {
		reply.OK, err = json.Marshal(answer)
	}
	if err != nil {
		reply.OK, reply.Error = nil, agentError(err)
	}
	s.write(reply)
}

// agentError gives an error the form the Java side gives an exception.
func agentError(err error) *agent.Error {
	var own *agent.Error
	if errors.As(err, &own) {
		return own
	}
	var thrown *phone.Exception
	if errors.As(err, &thrown) {
		return &agent.Error{Kind: thrown.Class[strings.LastIndexByte(thrown.Class, '.')+1:], Message: thrown.Message}
	}
	return &agent.Error{Kind: "RuntimeException", Message: err.Error()}
}

func (s *agentSession) do(ctx context.Context, r *agent.Request) (any, error) {
	switch r.Verb {
	case agent.Start, agent.Send:
		return s.start(ctx, r)
	case agent.Index:
		return s.index(r)
	case agent.Remove:
		if err := onSharedStorage(r.Path); err != nil {
			return nil, err
		}
		if phone.Authority(r.URI) != mediaAuthority {
			return nil, badRequest("not a URI of MediaStore: %s", r.URI)
		}
		rows, gone := s.media.remove(r.URI, r.Path, r.User)
		return agent.Removed{Rows: rows, File: gone}, nil
	case agent.Inspect:
		return s.inspect(r)
	case agent.ListPackages:
		return s.packages(r)
	case agent.ListUsers:
		return s.users(), nil
	case agent.TopActivity:
		return s.top(), nil
	case agent.ListTasks:
		return s.tasks(r)
	case agent.PhoneState:
		return agent.State{ScreenOn: !s.phone.Asleep(), Keyguard: s.phone.Locked(), Secure: s.phone.Locked(),
			CurrentUser: s.phone.CurrentUser(), UserUnlocked: !s.locked}, nil
	case agent.Watch:
		return s.watch(ctx, r)
	case agent.Stop:
		if r.Package == "" {
			return nil, badRequest("no package")
		}
		s.phone.ForceStop(r.Package, r.User)
		return agent.Done{}, nil
	case agent.Read:
		return s.read(r)
	case agent.Clean:
		return s.clean()
	}
	return nil, badRequest("unknown verb %q", r.Verb)
}

func badRequest(format string, args ...any) error {
	return &agent.Error{Kind: agent.KindBadRequest, Message: fmt.Sprintf(format, args...)}
}

// binderMost is about what one transaction can carry: Binder maps 1 MiB less
// two pages for all current transactions (ProcessState.cpp, BINDER_VM_SIZE).
const binderMost = 1<<20 - 2*4096

// start hands an Intent to the activity manager.
func (s *agentSession) start(ctx context.Context, r *agent.Request) (any, error) {
	var in androidwire.Intent
	if err := json.Unmarshal(r.Intent, &in); err != nil {
		return nil, badRequest("intent: %v", err)
	}
	if size := parcelSize(in); size > binderMost {
		return nil, &phone.Exception{Class: "android.os.TransactionTooLargeException", Message: fmt.Sprintf("data parcel size %d bytes", size)}
	}
	if r.Verb == agent.Send {
		if !strings.HasPrefix(in.Action, actionSend) {
			return nil, badRequest("not an action that sends")
		}
		migrateStreams(&in)
	}
	if err := s.mayGrant(in); err != nil {
		return nil, err
	}
	started := agent.Started{AtMs: s.phone.Now().UnixMilli()}
	code, err := s.phone.StartActivity(ctx, phone.StartRequest{UID: s.env.UID, PID: s.env.PID, Package: shellPackage, Intent: in,
		User: r.User})
	if err != nil {
		return nil, err
	}
	started.Result, started.Word = startResult(s.phone.API, code), startWord(code)
	return started, nil
}

// migrateStreams is Intent.migrateExtraStreamToClipData.
func migrateStreams(in *androidwire.Intent) {
	stream := in.Extras.Get(extraStream)
	switch {
	case len(in.ClipData) > 0:
	case stream.URI() != "":
		in.ClipData = []string{stream.URI()}
	default:
		in.ClipData = stream.URIs()
	}
	if len(in.ClipData) > 0 {
		in.Flags |= androidwire.FlagGrantRead
	}
}

// mayGrant is UriGrantsManagerService.checkGrantUriPermissionFromIntent: only
// what the caller may read itself can be granted.
func (s *agentSession) mayGrant(in androidwire.Intent) error {
	if in.Flags&androidwire.FlagGrantRead == 0 {
		return nil
	}
	for _, uri := range append([]string{in.Data}, in.ClipData...) {
		if strings.HasPrefix(uri, "content://") && phone.Authority(uri) != mediaAuthority {
			return &phone.Exception{Class: "java.lang.SecurityException", Message: fmt.Sprintf("UID %d does not have permission to %s [user %d]",
				s.env.UID, uri, s.env.UID/phone.PerUser)}
		}
	}
	return nil
}

// parcelSize is about what an Intent takes as a Parcel: strings are UTF-16.
func parcelSize(in androidwire.Intent) int {
	size := 256 + 2*(len(in.Component)+len(in.Action)+len(in.Data)+len(in.Type))
	for _, uri := range in.ClipData {
		size += 64 + 2*len(uri)
	}
	for _, extra := range in.Extras {
		size += 16 + 2*len(extra.Key) + len(extra.Value.Bytes()) + 2*len(extra.Value.URI())
		if text := extra.Value.Text(); text != nil {
			size += 2 * len(*text)
		}
		for _, uri := range extra.Value.URIs() {
			size += 16 + 2*len(uri)
		}
		for key, value := range extra.Value.Map() {
			size += 16 + 2*len(key) + 2*len(value)
		}
	}
	return size
}

// startResult is a start result with the number of the API level: before API 26
// the errors were -1 and below, and two more codes followed the successes.
func startResult(api, code int) int {
	switch {
	case api >= 26:
		return code
	case code < 0:
		return code + 90
	case code == phone.StartSwitchesCanceled || code == phone.StartLockTaskViolation:
		return code - 96
	}
	return code
}

// startWord is a start result's name (ActivityManager.START_*).
func startWord(code int) string {
	return map[int]string{
		0: "SUCCESS", 1: "RETURN_INTENT_TO_CALLER", 2: "TASK_TO_FRONT", 3: "DELIVERED_TO_TOP",
		100: "SWITCHES_CANCELED", 101: "RETURN_LOCK_TASK_MODE_VIOLATION", 102: "ABORTED",
		-91: "INTENT_NOT_RESOLVED", -92: "CLASS_NOT_FOUND", -93: "FORWARD_AND_REQUEST_CONFLICT", -94: "PERMISSION_DENIED",
		-95: "NOT_ACTIVITY", -96: "CANCELED", -97: "NOT_VOICE_COMPATIBLE", -98: "NOT_CURRENT_USER_ACTIVITY", -99: "VOICE_NOT_ACTIVE_SESSION",
	}[code]
}

func onSharedStorage(path string) error {
	if !strings.HasPrefix(path, "/sdcard/") && !strings.HasPrefix(path, "/storage/") || strings.Contains(path, "..") {
		return badRequest("not on shared storage: %s", path)
	}
	return nil
}

// index adds a file to MediaStore, in the way of its API level.
func (s *agentSession) index(r *agent.Request) (any, error) {
	if err := onSharedStorage(r.Path); err != nil {
		return nil, err
	}
	if info, err := s.phone.FS.Stat(phone.CredOf(s.env.UID), r.Path); err != nil || !info.IsRegular() {
		return nil, &agent.Error{Kind: agent.KindNotFound, Message: "no file " + r.Path}
	}
	user, method := r.User, "scan_file"
	if err := s.phone.ResolveUser(s.env.UID, &user, "getContentProvider"); err != nil {
		return nil, err
	}
	if s.phone.API < 29 {
		method = "broadcast"
	}
	return agent.Indexed{URI: s.media.scan(r.Path, user), Method: method}, nil
}

// read reads a part of a file, if the shell user may read it.
func (s *agentSession) read(r *agent.Request) (any, error) {
	f, err := s.phone.FS.Open(phone.CredOf(s.env.UID), r.Path)
	if err != nil {
		return nil, &agent.Error{Kind: "FileNotFoundException", Message: fmt.Sprintf("%s: open failed: %v", r.Path, err)}
	}
	defer f.Close()
	part := agent.Part{Size: f.Stat().Size}
	part.Data = make([]byte, max(0, min(int64(min(r.Count, agent.MaxPart)), part.Size-r.At)))
	if _, err := f.Seek(r.At, io.SeekStart); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(f, part.Data)
	return part, err
}

// watch streams log buffers on the same output.
func (s *agentSession) watch(ctx context.Context, r *agent.Request) (any, error) {
	var buffers []phone.LogBuffer
	for _, name := range r.Buffers {
		i := slices.Index(phone.LogBuffers, name)
		if i < 0 {
			return nil, badRequest("unknown log buffer %q", name)
		}
		buffers = append(buffers, phone.LogBuffer(i))
	}
	if len(buffers) == 0 || s.watching {
		return nil, badRequest("no buffers, or watching already")
	}
	s.watching = true
	// logcat -T takes whole seconds: what was logged earlier in this second may
	// come too.
	since := s.phone.Now().Truncate(time.Second)
	after := s.phone.Log.Before(since) // what was logged earlier may be a lot
	s.watchers.Go(func() {
		var told bytes.Buffer
		events := json.NewEncoder(&told)
		for {
			entries, more := s.phone.Log.Read(after, buffers...)
			for _, entry := range entries {
				after = entry.Seq
				if entry.Time.Before(since) {
					continue
				}
				for line := range strings.SplitSeq(shell.EpochLines(s.phone.API, entry), "\n") {
					_ = events.Encode(agent.Line{Event: &agent.Event{Line: line, AtMs: entry.Time.UnixMilli()}}) // of strings: it can't fail
				}
				if told.Len() >= pipeAtOnce {
					s.flush(&told)
				}
			}
			s.flush(&told)
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	})
	return agent.Watching{Buffers: r.Buffers}, nil
}

// pipeAtOnce is about how much of the log is sent in one write. adbd reads at
// once what the agent wrote meanwhile; here the writer collects it.
const pipeAtOnce = 16 << 10

// flush writes what was collected.
func (s *agentSession) flush(b *bytes.Buffer) {
	if b.Len() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.out.Write(b.Bytes()) // the reader is gone: the end of stdin follows
	b.Reset()
}

// clean removes the agent's own old files.
func (s *agentSession) clean() (any, error) {
	removed := []string{}
	list, err := s.phone.FS.List(phone.CredOf(s.env.UID), agent.Dir)
	if err != nil {
		return nil, err
	}
	for _, info := range list {
		path := agent.Dir + "/" + info.Name
		old := s.phone.Now().Sub(info.MTime) > 7*24*time.Hour
		if strings.HasPrefix(info.Name, agent.Prefix) && old && !slices.Contains(s.env.ClassPath, path) &&
			s.phone.FS.Remove(phone.CredOf(s.env.UID), path) == nil {
			removed = append(removed, path)
		}
	}
	return agent.Cleaned{Removed: removed}, nil
}

// lineReader splits the input into lines of at most agent.MaxLine bytes.
type lineReader struct{ r *bufio.Reader }

var errLongLine = errors.New("the line is too long")

func newLineReader(r io.Reader) *lineReader { return &lineReader{bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line without its newline. A line that is too long is
// read to its end and dropped.
func (l *lineReader) next() ([]byte, error) {
	line := []byte{}
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > agent.MaxLine {
			long, line = true, line[:0]
		}
		if !long {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err != nil: // a last line without an end is not a request
			return nil, err
		case long:
			return nil, errLongLine
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
