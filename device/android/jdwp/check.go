package jdwp

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrArguments means that a method does not accept the given arguments. ART
// does not check a debugger's arguments and would crash the app, so they are
// checked first.
var ErrArguments = errors.New("the method does not take these arguments")

// isA asks whether a class is, extends or implements what has a signature.
type isA struct {
	class     ClassID
	signature string
}

// check makes sure that a method takes some arguments.
func (vm *VM) check(ctx context.Context, method Method, args []Value) error {
	wrong := func(format string, a ...any) error {
		return fmt.Errorf("%w: %s%s: %s", ErrArguments, method.Name, method.Signature, fmt.Sprintf(format, a...))
	}
	want, ok := parameters(method.Signature)
	if !ok || len(args) != len(want) {
		return wrong("%d are given", len(args))
	}
	for i, v := range args {
		ok, err := vm.fits(ctx, v, want[i])
		if err != nil {
			return err
		}
		if !ok {
			return wrong("number %d is of type %q", i+1, byte(v.Tag))
		}
	}
	return nil
}

// fits reports whether a value can be passed where a type is declared.
func (vm *VM) fits(ctx context.Context, v Value, want string) (bool, error) {
	reference := want[0] == 'L' || want[0] == '['
	switch {
	case !reference:
		return string(v.Tag) == want, nil
	case !v.Tag.IsObject():
		return false, nil
	case v.IsNull(), want == "Ljava/lang/Object;":
		return true, nil
	case v.Tag == TagString && (want == "Ljava/lang/String;" || want == "Ljava/lang/CharSequence;"):
		return true, nil
	}
	class, _, err := vm.ClassOf(ctx, v.Object())
	if err != nil {
		return false, err
	}
	asked := isA{class, want}
	vm.mu.Lock()
	is, known := vm.is[asked]
	vm.mu.Unlock()
	if known {
		return is, nil
	}
	if is, err = vm.lineage(ctx, asked); err != nil {
		return false, err
	}
	vm.mu.Lock()
	vm.is[asked] = is
	vm.mu.Unlock()
	return is, nil
}

// parameters splits a method's signature into those of its parameters.
func parameters(signature string) ([]string, bool) {
	rest, ok := strings.CutPrefix(signature, "(")
	rest, _, closed := strings.Cut(rest, ")")
	var out []string
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '[' }) + 1
		if n > 0 && rest[n-1] == 'L' {
			n = strings.IndexByte(rest, ';') + 1
		}
		if n == 0 {
			return nil, false
		}
		out = append(out, rest[:n])
		rest = rest[n:]
	}
	return out, ok && closed
}

// lineage searches for a class among another's superclasses and interfaces.
func (vm *VM) lineage(ctx context.Context, asked isA) (bool, error) {
	open := []ClassID{asked.class}
	for n := 0; n < len(open) && n < 1000; n++ {
		signature, err := vm.Signature(ctx, open[n])
		if err != nil || signature == asked.signature {
			return err == nil, err
		}
		super, err := vm.Superclass(ctx, open[n])
		if err != nil && !errors.Is(err, InvalidClass) { // an interface, or an array, has none
			return false, err
		}
		if super != 0 {
			open = append(open, super)
		}
		faces, err := vm.Interfaces(ctx, open[n])
		if err != nil {
			return false, err
		}
		open = append(open, faces...)
	}
	return false, nil
}
