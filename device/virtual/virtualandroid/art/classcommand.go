package art

import "github.com/wxctl/wxctl/device/android/jdwp"

func signature(generic bool) func(*call) error {
	return func(c *call) error {
		if k := c.in.class(); k != nil {
			c.out.text(k.Signature())
			if generic {
				c.out.text("")
			}
		}
		return nil
	}
}

func classLoader(c *call) error {
	k := c.in.class()
	if k == nil {
		return nil
	}
	if k.App {
		c.out.object(c.machine.loader)
	} else {
		c.out.u64(0)
	}
	return nil
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

func modifiers(c *call) error {
	k := c.in.class()
	flags := uint32(accPublic)
	if k != nil && k.Interface {
		flags |= accInterface | accAbstract
	}
	c.out.u32(flags)
	return nil
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

func fields(generic bool) func(*call) error {
	return func(c *call) error {
		if k := c.in.class(); k != nil {
			c.out.u32(uint32(len(k.Fields)))
			for _, f := range k.Fields {
				c.member(generic, f.id, f.Name, f.Signature, flagsOf(f.Flags, f.Static))
			}
		}
		return nil
	}
}

func methods(generic bool) func(*call) error {
	return func(c *call) error {
		if k := c.in.class(); k != nil {
			c.out.u32(uint32(len(k.Methods)))
			for _, m := range k.Methods {
				c.member(generic, m.id, m.Name, m.Signature, flagsOf(m.Flags, m.Static))
			}
		}
		return nil
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
	if c.in.err != nil {
		return nil
	}
	for ; k != nil; k = k.Super {
		for _, f := range k.Fields {
			if f.id == id {
				return f
			}
		}
	}
	c.in.err = c.machine.die(SIGSEGV, "a field id that is none")
	return nil
}

func staticValues(c *call) error {
	k := c.in.class()
	n := c.in.count(8)
	c.out.u32(uint32(n))
	for range n {
		if f := c.field(k); f != nil {
			c.out.tagged(orZero(f.Value, f.Signature))
		}
	}
	return nil
}

func objectValues(c *call) error {
	o := c.in.object(false)
	if o == nil {
		return nil
	}
	n := c.in.count(8)
	c.out.u32(uint32(n))
	for range n {
		f := c.field(o.Class)
		switch {
		case f == nil:
		case f.Static:
			c.out.tagged(orZero(f.Value, f.Signature))
		default:
			c.out.tagged(orZero(o.Get(f.Name), f.Signature))
		}
	}
	return nil
}

func orZero(v Value, signature string) Value {
	if v == nil {
		return zero(signature)
	}
	return v
}

func sourceFile(c *call) error {
	k := c.in.class()
	switch {
	case k == nil:
		return nil
	case k.Source == "":
		return jdwp.AbsentInformation
	}
	c.out.text(k.Source)
	return nil
}

func classStatus(c *call) error {
	if k := c.in.class(); k != nil {
		c.out.u32(k.status())
	}
	return nil
}

func interfaces(c *call) error {
	k := c.in.class()
	if k == nil {
		return nil
	}
	c.out.u32(uint32(len(k.Interfaces)))
	for _, i := range k.Interfaces {
		c.out.class(i)
	}
	return nil
}

func classObject(c *call) error {
	if k := c.in.class(); k != nil {
		c.out.object(k.object)
	}
	return nil
}

func reflectedType(c *call) error {
	if k := c.in.class(); k != nil {
		c.out.u8(byte(k.typeTag())).class(k)
	}
	return nil
}

func superclass(c *call) error {
	k := c.in.class()
	if k == nil {
		return nil
	}
	if k.Interface {
		return jdwp.InvalidClass
	}
	c.out.class(k.Super)
	return nil
}
