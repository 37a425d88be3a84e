package virtualandroid

import (
	"context"
	"fmt"
	"slices"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// startActivity is Context.startActivity, of the Application or an activity.
func (f *framework) startActivity(_ thread, this object, args []value) (value, error) {
	o, _ := args[0].(object)
	if o == nil {
		return nil, f.null("intent")
	}
	in := f.read(o)
	if this == f.app && f.phone.API >= 28 && in.Flags&androidwire.FlagNewTask == 0 {
		return nil, f.vm.Throw("android.util.AndroidRuntimeException",
			"Calling startActivity() from outside of an Activity  context requires the FLAG_ACTIVITY_NEW_TASK flag. Is this really what you want?")
	}
	code, err := f.phone.StartActivity(context.Background(), phone.StartRequest{UID: f.process.UID, PID: f.process.PID,
		Package:  f.process.Package,
		Attached: true, Intent: in, User: f.process.User()})
	switch {
	case err != nil:
		return nil, f.thrown(err)
	case code == phone.StartPermissionDenied:
		return nil, f.vm.Throw("java.lang.SecurityException", "Not allowed to start activity "+phone.IntentText(f.phone.API, in))
	case code == phone.StartIntentNotResolved || code == phone.StartClassNotFound:
		message := "No Activity found to handle " + phone.IntentText(f.phone.API, in)
		if in.Component != "" {
			message = fmt.Sprintf("Unable to find explicit activity class {%s}; have you declared this activity in your AndroidManifest.xml?",
				in.Component)
		}
		return nil, f.vm.Throw("android.content.ActivityNotFoundException", message)
	case code < 0:
		return nil, f.vm.Throw("android.util.AndroidRuntimeException", fmt.Sprintf("Activity could not be started for %s",
			phone.IntentText(f.phone.API, in)))
	}
	return art.Void{}, nil
}

func (f *framework) defineContext() {
	base := f.define(art.Class{Name: "android.content.Context"})
	wrapper := f.define(art.Class{Name: "android.content.ContextWrapper", Super: base, Methods: []*art.Method{
		getter("getContentResolver", "Landroid/content/ContentResolver;", func(object) value { return f.resolver }),
		getter("getPackageManager", "Landroid/content/pm/PackageManager;", func(object) value { return f.manager }),
		method("startActivity", "("+sigIntent+")V", f.startActivity),
	}})
	f.define(art.Class{Name: "android.app.Application", Super: wrapper})
	f.define(art.Class{Name: "android.app.ActivityThread", Methods: []*art.Method{
		static("currentApplication", "()Landroid/app/Application;", func(thread, object, []value) (value, error) { return f.app, nil }),
	}})
	f.define(art.Class{Name: "android.content.ContentResolver", Methods: []*art.Method{
		method("query", "("+sigURI+"["+sigText+sigText+"["+sigText+sigText+")Landroid/database/Cursor;", f.query),
	}})
	resolver := f.define(art.Class{Name: "android.app.ContextImpl$ApplicationContentResolver",
		Super: f.vm.Class("android.content.ContentResolver")})
	f.define(art.Class{Name: "android.content.pm.PackageManager"})
	manager := f.define(art.Class{Name: "android.app.ApplicationPackageManager", Super: f.vm.Class("android.content.pm.PackageManager"),
		Methods: []*art.Method{
			method("getLaunchIntentForPackage", "("+sigText+")"+sigIntent, f.launchIntent),
		}})
	f.app, f.resolver, f.manager = f.make("android.app.Application"), f.vm.NewObject(resolver), f.vm.NewObject(manager)
	f.defineCursor()
}

// sees reports whether a package is visible to the app (since API 30).
func (f *framework) sees(name string) bool {
	own := f.phone.Package(f.process.Package)
	return own == nil || f.phone.API < 30 || own.TargetSDK < 30 || name == own.Name || slices.Contains(own.Queries, name)
}

// launchIntent is PackageManager.getLaunchIntentForPackage.
func (f *framework) launchIntent(_ thread, _ object, args []value) (value, error) {
	name := textOf(args[0])
	if name == nil {
		return nil, nil
	}
	pkg := f.phone.Package(*name)
	if pkg == nil || !f.sees(*name) || !f.phone.PackageState(*name, f.process.User()).Usable() {
		return nil, nil
	}
	for _, c := range pkg.Components {
		for _, filter := range c.Filters {
			if c.Kind == phone.ActivityKind && slices.Contains(filter.Actions, actionMain) && slices.Contains(filter.Categories, categoryLaunch) {
				return f.intent(androidwire.Intent{Action: actionMain, Categories: []string{categoryLaunch}, Package: *name,
					Component: *name + "/" + c.Name, Flags: androidwire.FlagNewTask}, false), nil
			}
		}
	}
	return nil, nil
}
