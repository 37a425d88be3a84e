package jdwp

import "context"

// Version is what a VM reports about itself.
type Version struct {
	Description  string
	Major, Minor int32  // of the protocol
	VM           string // version of the VM, such as "17.0.15" or "2.1.0"
	Name         string // such as "Dalvik" or "OpenJDK 64-Bit Server VM"
}

// Version asks the VM what it is.
func (vm *VM) Version(ctx context.Context) (Version, error) {
	d, err := vm.call(ctx, cmdVersion, vm.out())
	if err != nil {
		return Version{}, err
	}
	v := Version{d.string(), d.int32(), d.int32(), d.string(), d.string()}
	return v, d.end(cmdVersion.name)
}

// Capabilities asks for the VM's capability bits, numbered from 1 as the
// specification orders them; index 0 is unused. They differ between HotSpot
// and ART, and between the versions of ART, so nothing here needs any.
func (vm *VM) Capabilities(ctx context.Context) ([]bool, error) {
	d, err := vm.call(ctx, cmdCapabilitiesNew, vm.out())
	if err != nil {
		return nil, err
	}
	bits := []bool{false}
	for _, b := range d.b[:min(len(d.b), 64)] {
		bits = append(bits, b != 0)
	}
	return bits, nil
}

// Class is a class, interface or array type that the VM has loaded.
type Class struct {
	ID        ClassID
	Type      TypeTag
	Signature string // such as "Lcom/example/Main;"
	Status    int32  // bits: 1 verified, 2 prepared, 4 initialized, 8 failed
}

// Prepared reports whether the class is prepared, so that its methods can be
// listed.
func (c Class) Prepared() bool { return c.Status&2 != 0 }

// ClassesBySignature finds loaded classes, one for each class loader that has
// one; finding none is not an error.
func (vm *VM) ClassesBySignature(ctx context.Context, signature string) ([]Class, error) {
	d, err := vm.call(ctx, cmdClassesBySignature, vm.out().string(signature))
	if err != nil {
		return nil, err
	}
	out := make([]Class, d.count(5+vm.sizes.class))
	for i := range out {
		out[i] = Class{Type: TypeTag(d.byte()), ID: d.class(), Status: d.int32(), Signature: signature}
	}
	return out, d.end(cmdClassesBySignature.name)
}

// AllClasses lists all loaded classes. It is the most expensive command:
// megabytes for a large app. Prefer ClassesBySignature.
func (vm *VM) AllClasses(ctx context.Context) ([]Class, error) {
	d, err := vm.call(ctx, cmdAllClasses, vm.out())
	if err != nil {
		return nil, err
	}
	out := make([]Class, d.count(9+vm.sizes.class))
	for i := range out {
		out[i] = Class{Type: TypeTag(d.byte()), ID: d.class(), Signature: d.string(), Status: d.int32()}
	}
	return out, d.end(cmdAllClasses.name)
}

// Suspend stops every thread; each Suspend takes one Resume. Close resumes
// what is left.
func (vm *VM) Suspend(ctx context.Context) error {
	vm.mu.Lock()
	vm.allStops++ // before the command, since the context may end during it
	vm.mu.Unlock()
	_, err := vm.call(ctx, cmdSuspend, vm.out())
	return err
}

// Resume removes one suspension from every thread.
func (vm *VM) Resume(ctx context.Context) error {
	_, err := vm.call(ctx, cmdResume, vm.out())
	if err == nil {
		vm.mu.Lock()
		vm.allStops = max(vm.allStops-1, 0)
		vm.mu.Unlock()
	}
	return err
}

// NewString makes a string in the VM and pins it, so that it lasts until
// Unpin or Close.
func (vm *VM) NewString(ctx context.Context, s string) (Value, error) {
	id, err := vm.pinned(ctx, func() (ObjectID, error) {
		d, err := vm.call(ctx, cmdCreateString, vm.out().string(s))
		if err != nil {
			return 0, err
		}
		id := d.object()
		return id, d.end(cmdCreateString.name)
	})
	return Value{TagString, uint64(id)}, err
}
