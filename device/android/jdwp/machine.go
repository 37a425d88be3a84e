package jdwp

import "context"

// Class is a class, interface or array type that the VM has loaded.
type Class struct {
	ID        ClassID
	Type      TypeTag
	Signature string // such as "Lcom/example/Main;"
	Status    int32  // bits: 1 verified, 2 prepared, 4 initialized, 8 failed
}

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
// Close.
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
