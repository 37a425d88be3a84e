package art

import "github.com/wxctl/wxctl/device/android/jdwp"

func signature(generic bool) handler {
	return func(c *call) {
		c.out.text(c.in.class().Signature())
		if generic {
			c.out.text("")
		}
	}
}

func classLoader(c *call) {
	if c.in.class().App {
		c.out.object(c.machine.loader)
	} else {
		c.out.u64(0)
	}
}

// Access flags (Java virtual machine specification, table 4.1).
const (
	accPublic    = 0x0001
	accPrivate   = 0x0002
	accStatic    = 0x0008
	accTransient = 0x0080
	accInterface = 0x0200
	accAbstract  = 0x0400
	accSynthetic = 0x1000
	// markSynthetic is what the agent adds to the flags of what a compiler made up.
	markSynthetic = 0xf0000000
)

func modifiers(c *call) {
	flags := uint32(accPublic)
	if c.in.class().Interface {
		flags |= accInterface | accAbstract
	}
	c.out.u32(flags)
}

func flagsOf(flags uint32, static bool) uint32 {
	switch {
	case flags&accSynthetic != 0:
		return flags | markSynthetic
	case flags != 0:
		return flags
	case static:
		return accPublic | accStatic
	}
	return accPublic
}

func fields(generic bool) handler {
	return func(c *call) {
		k := c.in.class()
		c.out.u32(uint32(len(k.Fields)))
		for _, f := range k.Fields {
			c.member(generic, f.id, f.Name, f.Signature, flagsOf(f.Flags, f.Static))
		}
	}
}

func methods(generic bool) handler {
	return func(c *call) {
		k := c.in.class()
		c.out.u32(uint32(len(k.Methods)))
		for _, m := range k.Methods {
			c.member(generic, m.id, m.Name, m.Signature, flagsOf(m.Flags, m.Static))
		}
	}
}

func (c *call) member(generic bool, id uint64, name, signature string, flags uint32) {
	c.out.u64(id).text(name).text(signature)
	if generic {
		c.out.text("")
	}
	c.out.u32(flags)
}

// field reads the id of a field of a class or its superclasses, which is an
// address to ART.
func (c *call) field(k *Class) *Field {
	id := c.in.u64()
	for ; k != nil; k = k.Super {
		for _, f := range k.Fields {
			if f.id == id {
				return f
			}
		}
	}
	c.machine.die(SIGSEGV, "a field id that is none")
	return nil
}

func staticValues(c *call) {
	k := c.in.class()
	n := c.in.count(8)
	c.out.u32(uint32(n))
	for range n {
		f := c.field(k)
		c.out.tagged(orZero(f.Value, f.Signature))
	}
}

func objectValues(c *call) {
	o := c.in.object()
	n := c.in.count(8)
	c.out.u32(uint32(n))
	for range n {
		f := c.field(o.Class)
		v := f.Value
		if !f.Static {
			v = o.Get(f.Name)
		}
		c.out.tagged(orZero(v, f.Signature))
	}
}

func orZero(v Value, signature string) Value {
	if v == nil {
		return zero(signature)
	}
	return v
}

func sourceFile(c *call) {
	k := c.in.class()
	if k.Source == "" {
		fail(jdwp.AbsentInformation)
	}
	c.out.text(k.Source)
}

func classStatus(c *call) { c.out.u32(c.in.class().status()) }

func interfaces(c *call) {
	k := c.in.class()
	c.out.u32(uint32(len(k.Interfaces)))
	for _, i := range k.Interfaces {
		c.out.class(i)
	}
}

func classObject(c *call) { c.out.object(c.in.class().object) }

func reflectedType(c *call) {
	k := c.in.class()
	c.out.u8(byte(k.typeTag())).class(k)
}

func superclass(c *call) {
	k := c.in.class()
	if k.Interface {
		fail(jdwp.InvalidClass)
	}
	c.out.class(k.Super)
}
