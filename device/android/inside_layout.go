package android

import (
	"context"
	"fmt"
	"sync"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// layout has the fields in which, in the objects of one VM, an Intent stores
// its data. The names are AOSP's, the same from API 24 to 37.
type layout struct {
	activityIntent jdwp.FieldID // android.app.Activity.mIntent
	intent         jdwp.ClassID // android.content.Intent
	intentExtras   jdwp.FieldID // its mExtras
	bundle         jdwp.ClassID // android.os.BaseBundle
	bundleParcel   jdwp.FieldID // its mParcelledData, and what unparcels it
	bundleSize     jdwp.Method
	bundleMap      jdwp.FieldID // its mMap
	mapArray       jdwp.FieldID // android.util.ArrayMap.mArray: keys and values in turn
	mapSize        jdwp.FieldID
	boxes          map[jdwp.ClassID]box
}

// box is a class such as java.lang.Integer.
type box struct {
	name  string
	value jdwp.FieldID
}

const (
	classActivity = "android.app.Activity"
	classIntent   = "android.content.Intent"
	classBundle   = "android.os.BaseBundle"
	classArrayMap = "android.util.ArrayMap"
)

var boxNames = []string{"java.lang.Integer", "java.lang.Long", "java.lang.Boolean", "java.lang.Double", "java.lang.Float",
	"java.lang.Short", "java.lang.Byte", "java.lang.Character"}

// layoutOf finds the layout for an activity: that of the framework classes
// which its own class loader uses. A phone has one; a VM with several class
// loaders may have more.
func (d *debugger) layoutOf(ctx context.Context, class jdwp.ClassID) (*layout, error) {
	d.mu.Lock()
	l := d.layouts[class]
	d.mu.Unlock()
	if l != nil {
		return l, nil
	}
	bases, err := d.vm.ClassesBySignature(ctx, signatureOf(classActivity))
	if err != nil {
		return nil, err
	}
	base := class
	for n := 0; !containsClass(bases, base); n++ {
		if base, err = d.vm.Superclass(ctx, base); err != nil {
			return nil, err
		}
		if base == 0 || n > 100 {
			return nil, fmt.Errorf("the class that takes replies is not an activity")
		}
	}
	if l, err = d.findLayout(ctx, base); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.layouts[class] = l
	d.mu.Unlock()
	return l, nil
}

func containsClass(list []jdwp.Class, id jdwp.ClassID) bool {
	for _, c := range list {
		if c.ID == id {
			return true
		}
	}
	return false
}

func (d *debugger) findLayout(ctx context.Context, activity jdwp.ClassID) (*layout, error) {
	l := &layout{boxes: map[jdwp.ClassID]box{}}
	loader, err := d.vm.ClassLoader(ctx, activity)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	finds := []func() error{
		func() error { return d.fields(ctx, activity, map[string]*jdwp.FieldID{"mIntent": &l.activityIntent}) },
		func() error {
			c, err := d.class(ctx, classIntent, loader)
			if err != nil {
				return err
			}
			l.intent = c
			return d.fields(ctx, c, map[string]*jdwp.FieldID{"mExtras": &l.intentExtras})
		},
		func() error {
			c, err := d.class(ctx, classBundle, loader)
			if err != nil {
				return err
			}
			l.bundle = c
			_, m, err := d.vm.FindMethod(ctx, c, "size", "()I")
			if err != nil {
				return err
			}
			l.bundleSize = m
			return d.fields(ctx, c, map[string]*jdwp.FieldID{"mParcelledData": &l.bundleParcel, "mMap": &l.bundleMap})
		},
		func() error {
			c, err := d.class(ctx, classArrayMap, loader)
			if err != nil {
				return err
			}
			return d.fields(ctx, c, map[string]*jdwp.FieldID{"mArray": &l.mapArray, "mSize": &l.mapSize})
		},
	}
	for _, name := range boxNames {
		finds = append(finds, func() error {
			classes, err := d.vm.ClassesBySignature(ctx, signatureOf(name))
			if err != nil || len(classes) == 0 {
				return err // then there is no object of it either
			}
			b := box{name: name}
			if err := d.fields(ctx, classes[0].ID, map[string]*jdwp.FieldID{"value": &b.value}); err != nil {
				return err
			}
			mu.Lock()
			l.boxes[classes[0].ID] = b
			mu.Unlock()
			return nil
		})
	}
	return l, together(finds...)
}

// class finds a class of the framework. If several are loaded, it is the one of
// the given loader.
func (d *debugger) class(ctx context.Context, name string, loader jdwp.ObjectID) (jdwp.ClassID, error) {
	return d.signed(ctx, signatureOf(name), loader)
}

func (d *debugger) signed(ctx context.Context, signature string, loader jdwp.ObjectID) (jdwp.ClassID, error) {
	classes, err := d.vm.ClassesBySignature(ctx, signature)
	if err != nil {
		return 0, err
	}
	if len(classes) == 1 {
		return classes[0].ID, nil
	}
	for _, c := range classes {
		of, err := d.vm.ClassLoader(ctx, c.ID)
		if err != nil {
			return 0, err
		}
		if of == loader {
			return c.ID, nil
		}
	}
	return 0, fmt.Errorf("the app's VM has no class %s", signature)
}

func (d *debugger) fields(ctx context.Context, class jdwp.ClassID, want map[string]*jdwp.FieldID) error {
	fields, err := d.vm.Fields(ctx, class)
	if err != nil {
		return err
	}
	found := 0
	for _, f := range fields {
		if id := want[f.Name]; id != nil && !f.Static() {
			*id = f.ID
			found++
		}
	}
	if found != len(want) {
		return fmt.Errorf("this Android keeps an Intent's extras elsewhere: %d of %d fields found", found, len(want))
	}
	return nil
}
