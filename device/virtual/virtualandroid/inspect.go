package virtualandroid

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/apk"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// inspect reports what PackageManager knows about one package.
func (s *agentSession) inspect(r *agent.Request) (any, error) {
	pkg := s.phone.Package(r.Package)
	state := s.phone.PackageState(r.Package, r.User)
	if pkg == nil || !state.Installed {
		return nil, &agent.Error{Kind: agent.KindNotFound, Message: fmt.Sprintf("no package %s for user %d", r.Package, r.User)}
	}
	app := agent.App{
		Package: pkg.Name, VersionName: pkg.VersionName, VersionCode: pkg.VersionCode, UID: pkg.UID(r.User), Installer: pkg.Installer,
		Debuggable: pkg.Debuggable, System: pkg.System, TargetSDK: pkg.TargetSDK, Enabled: state.Usable(), Suspended: state.Suspended,
		Stopped: state.Stopped, APK: pkg.Path,
		Certificates: pkg.Certs, MetaData: pkg.MetaData,
	}
	app.Schemes = slices.Clone(pkg.Schemes)
	slices.Sort(app.Schemes)
	if !r.Brief {
		app.Claims = s.claims(pkg, r.User)
		app.Declared = &agent.Declared{}
		if len(pkg.Queries) > 0 {
			app.Declared.Queries = &apk.Queries{Packages: pkg.Queries}
		}
	}
	for _, c := range pkg.Components {
		switch {
		case c.Kind == phone.ProviderKind:
			app.Providers = append(app.Providers, agent.Provider{Name: c.Name, Authorities: c.Authorities, Exported: c.Exported,
				Grants: c.GrantURI})
		case c.Kind == phone.ActivityKind && strings.HasSuffix(c.Name, ".wxapi.WXEntryActivity"):
			if app.Declared != nil {
				app.Declared.Entries = append(app.Declared.Entries, c.Name)
			}
			if app.Entry == nil && c.Name == pkg.Name+".wxapi.WXEntryActivity" {
				app.Entry = entryOf(pkg, c)
			}
		}
	}
	return app, nil
}

// claims are the apps that open links of an AppID of pkg, too.
func (s *agentSession) claims(pkg *phone.Package, user int) []string {
	appID := regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	var out []string
	for _, other := range s.phone.Packages(user) {
		if other.Name != pkg.Name && slices.ContainsFunc(pkg.Schemes, func(scheme string) bool {
			return appID.MatchString(scheme) && slices.Contains(other.Schemes, scheme)
		}) {
			out = append(out, other.Name)
		}
	}
	return out
}

func entryOf(pkg *phone.Package, c phone.Component) *agent.Entry {
	modes := [...]string{"standard", "singleTop", "singleTask"}
	entry := &agent.Entry{Name: c.Name, Exported: c.Exported, Enabled: !c.Disabled, Target: c.Target, LaunchMode: modes[c.LaunchMode],
		TaskAffinity: c.Affinity, Permission: c.Permission}
	if entry.TaskAffinity == "" {
		entry.TaskAffinity = pkg.Name
	}
	return entry
}

func (s *agentSession) packages(r *agent.Request) (any, error) {
	if _, ok := s.phone.User(r.User); !ok {
		return nil, &agent.Error{Kind: agent.KindNotFound, Message: fmt.Sprintf("user %d", r.User)}
	}
	list := agent.Packages{Packages: []agent.Package{}}
	for _, pkg := range s.phone.Packages(r.User) {
		p := agent.Package{Name: pkg.Name, VersionCode: pkg.VersionCode, Debuggable: pkg.Debuggable, System: pkg.System,
			Enabled: s.phone.PackageState(pkg.Name, r.User).Usable()}
		if pkg.Debuggable || !pkg.System {
			_, p.Entry = pkg.Find(phone.ActivityKind, pkg.Name+".wxapi.WXEntryActivity")
		}
		list.Packages = append(list.Packages, p)
	}
	return list, nil
}

func (s *agentSession) users() agent.Users {
	out := agent.Users{Current: s.phone.CurrentUser()}
	for _, u := range s.phone.Users() {
		out.Users = append(out.Users, agent.User{ID: u.ID, Name: u.Name, Profile: u.Flags&(phone.UserProfile|phone.UserManaged) != 0,
			Running: !u.Stopped, Unlocked: !u.Stopped && !s.locked})
	}
	return out
}

func (s *agentSession) top() agent.Top {
	a, ok := s.phone.Top()
	if !ok {
		return agent.Top{}
	}
	top := agent.Top{Activity: a.Component(), Task: a.Task}
	for _, task := range s.phone.Tasks() {
		if task.ID == a.Task && len(task.Activities) > 0 {
			top.Base = task.Activities[0].Component()
		}
	}
	return top
}

// tasks returns the base Intents' extras of one activity's tasks: up to API 29
// those of recent tasks, from 31 on those of running ones, and between them no
// extras (RecentTasks.createRecentTaskInfo, Task.fillTaskInfo).
func (s *agentSession) tasks(r *agent.Request) (any, error) {
	if r.Component == "" {
		return nil, badRequest("no component")
	}
	tasks := s.phone.Tasks()
	if s.phone.API < 31 {
		tasks = s.phone.RecentTasks()
	}
	answer := agent.Tasks{Tasks: []map[string]json.RawMessage{}}
	for _, t := range tasks {
		if t.User != r.User || s.realActivity(t.Base.Component) != r.Component {
			continue
		}
		extras := map[string]json.RawMessage{}
		if s.phone.API != 30 {
			for _, x := range t.Base.Extras {
				value, err := json.Marshal(x.Value)
				if err != nil {
					return nil, err
				}
				extras[x.Key] = value
			}
		}
		answer.Tasks = append(answer.Tasks, extras)
	}
	return answer, nil
}

// realActivity is the name of an activity that was started by an alias in a
// task's base Intent (Task.setIntent).
func (s *agentSession) realActivity(component string) string {
	name, class, _ := phone.SplitComponent(component)
	if p := s.phone.Package(name); p != nil {
		if c, ok := p.Find(phone.ActivityKind, class); ok && c.Target != "" {
			return name + "/" + c.Target
		}
	}
	return component
}
