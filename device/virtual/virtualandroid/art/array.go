package art

import (
	"fmt"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// maxElems is the maximum length of a new array other than a byte[].
const maxElems = 1 << 16

func newArray(c *call) {
	k, n := c.in.class(), int(int32(c.in.u32()))
	switch {
	case k.elem == "":
		fail(jdwp.TypeMismatch)
	case n < 0 && c.machine.options.API >= 28:
		c.machine.die(SIGABRT, fmt.Sprintf("JNI DETECTED ERROR IN APPLICATION: negative array length: %d", n))
	case n < 0, n > maxPacket, n > maxElems && k.elem != "B":
		fail(jdwp.OutOfMemory) // which was not tried on ART
	}
	o := &Object{Class: k}
	if k.elem == "B" {
		o.Bytes = make([]byte, n)
	} else {
		o.Elems = make([]Value, n)
		for i := range o.Elems {
			o.Elems[i] = zero(k.elem)
		}
	}
	c.out.tagged(o)
}

// array reads an array.
func (c *call) array() *Object {
	o := c.in.object()
	if o.Class.elem == "" {
		fail(jdwp.InvalidArray)
	}
	return o
}

func (o *Object) length() int { return len(o.Bytes) + len(o.Elems) }

func arrayLength(c *call) { c.out.u32(uint32(c.array().length())) }

// region reads a part of an array.
func (c *call) region() (o *Object, first, n int) {
	o = c.array()
	first, n = int(int32(c.in.u32())), int(int32(c.in.u32()))
	if first < 0 || first > o.length() {
		fail(jdwp.InvalidIndex)
	}
	if n == -1 {
		n = o.length() - first
	}
	if n < 0 || n > o.length()-first {
		fail(jdwp.InvalidLength)
	}
	return o, first, n
}

func elemTag(elem string) jdwp.Tag {
	if elem == "Ljava/lang/String;" {
		return jdwp.TagString
	}
	return jdwp.Tag(elem[0])
}

func arrayGet(c *call) {
	o, first, n := c.region()
	c.out.u8(byte(elemTag(o.Class.elem))).u32(uint32(n))
	if o.Class.elem == "B" {
		c.out.b = append(c.out.b, o.Bytes[first:first+n]...)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range o.Elems[first : first+n] {
		if tag := jdwp.Tag(o.Class.elem[0]); tag.IsObject() {
			c.out.tagged(v)
		} else {
			c.out.value(v)
		}
	}
}

func arraySet(c *call) {
	o, first, n := c.region()
	if o.Class.elem == "B" {
		copy(o.Bytes[first:], c.in.take(n))
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range n {
		v := c.in.value(jdwp.Tag(o.Class.elem[0]))
		if !c.machine.fits(v, o.Class.elem) {
			fail(jdwp.TypeMismatch)
		}
		o.Elems[first+i] = v
	}
}
