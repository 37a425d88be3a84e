package androidwire

import "github.com/wxctl/wxctl/intents"

// coder walks over the extras of one object, in either direction: the same
// description of an object's keys writes it and reads it.
type coder struct {
	version Version
	reading bool
	extras  Extras
}

func (c *coder) put(key string, v Value) { c.extras = append(c.extras, Extra{key, v}) }

func (c *coder) text(key string, p **string) {
	if c.reading {
		*p = c.extras.Get(key).Text()
		return
	}
	c.put(key, StringOrNull(*p))
}

func (c *coder) bytes(key string, p *[]byte) {
	if c.reading {
		*p = c.extras.Get(key).Bytes()
		return
	}
	c.put(key, Bytes(*p))
}

func (c *coder) integer(key string, p *int32) {
	if c.reading {
		*p = c.extras.Get(key).Integer()
		return
	}
	c.put(key, Int(*p))
}

func (c *coder) long(key string, p *int64) {
	if c.reading {
		*p = c.extras.Get(key).Int64()
		return
	}
	c.put(key, Long(*p))
}

func (c *coder) boolean(key string, p *bool) {
	if c.reading {
		*p = c.extras.Get(key).Boolean()
		return
	}
	c.put(key, Bool(*p))
}

// table is a HashMap that is left out when it is null.
func (c *coder) table(key string, p *map[string]string) {
	if c.reading {
		*p = c.extras.Get(key).Map()
	} else if *p != nil {
		c.put(key, HashMap(*p))
	}
}

// since reports whether the SDK version knows a key. A reader takes every key
// that is there.
func (c *coder) since(v Version) bool { return c.reading || c.version >= v }

func (c *coder) common(r *intents.Common) {
	c.text("_wxapi_basereq_transaction", &r.Transaction)
	c.text("_wxapi_basereq_openid", &r.OpenID)
}
