package jdwp

import (
	"context"
	"errors"
)

var (
	cmdVariables        = command{6, 2, "Method.VariableTable"}
	cmdVariablesGeneric = command{6, 5, "Method.VariableTableWithGeneric"}
)

// A Variable is a variable or argument of a method, where it has a value: from
// the instruction Start on, for Length of them.
type Variable struct {
	Start     uint64
	Length    int32
	Name      string
	Signature string
	Slot      int // for Slot.Index
}

// Variables lists a method's variables according to the debug information.
// Without any, the VM answers AbsentInformation. It is the only way to know
// where ART has an argument from API 28 on: its slots are registers then.
func (vm *VM) Variables(ctx context.Context, class ClassID, method MethodID) ([]Variable, error) {
	d, err := vm.call(ctx, cmdVariables, vm.out().class(class).method(method))
	generic := errors.Is(err, NotImplemented)
	if generic {
		d, err = vm.call(ctx, cmdVariablesGeneric, vm.out().class(class).method(method))
	}
	if err != nil {
		return nil, err
	}
	_ = d.int32() // how many words the arguments take
	out := make([]Variable, d.count(24))
	for i := range out {
		v := &out[i]
		v.Start, v.Name, v.Signature = d.uint(8), d.string(), d.string()
		if generic {
			_ = d.string()
		}
		v.Length, v.Slot = d.int32(), int(d.int32())
	}
	return out, d.end(cmdVariables.name)
}
