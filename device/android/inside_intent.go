package android

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// intent creates an Intent. Everything that the intent: URI scheme supports is
// set in one call; the scheme has no null and no byte[].
func (w *worker) intent(ctx context.Context, in *androidwire.Intent) (jdwp.ObjectID, error) {
	text, err := w.str(ctx, new(intentURI(in)))
	if err != nil {
		return 0, err
	}
	v, err := w.static(ctx, classIntent, "parseUri", "("+sigString+"I)"+sigIntent, text, jdwp.Int(0))
	if err != nil {
		return 0, err
	}
	intent := v.Object()
	if in.Action == "" { // the scheme makes it VIEW
		if _, err := w.call(ctx, intent, "setAction", "("+sigString+")"+sigIntent, jdwp.Null()); err != nil {
			return 0, err
		}
	}
	for _, x := range in.Extras {
		if _, ok := uriExtra(x); ok {
			continue
		}
		if err := w.putExtra(ctx, intent, x); err != nil {
			return 0, err
		}
	}
	return intent, nil
}

func (w *worker) putExtra(ctx context.Context, intent jdwp.ObjectID, x androidwire.Extra) error {
	key, err := w.str(ctx, &x.Key)
	if err != nil {
		return err
	}
	var value jdwp.Value
	signature := sigString
	switch x.Value.Type() {
	case androidwire.TypeNull:
		value = jdwp.Null()
	case androidwire.TypeBytes:
		signature = "[B"
		value, err = w.bytes(ctx, x.Value.Bytes())
	case androidwire.TypeHashMap:
		signature = "Ljava/io/Serializable;"
		value, err = w.hashMap(ctx, x.Value.Map())
	default:
		err = fmt.Errorf("extras of type %s can't be written", x.Value.Type())
	}
	if err != nil {
		return err
	}
	_, err = w.call(ctx, intent, "putExtra", "("+sigString+signature+")"+sigIntent, key, value)
	return err
}

func (w *worker) hashMap(ctx context.Context, m map[string]string) (jdwp.Value, error) {
	class, err := w.class(ctx, "java.util.HashMap", 0)
	if err != nil {
		return jdwp.Value{}, err
	}
	_, constructor, err := w.vm.FindMethod(ctx, class, "<init>", "()V")
	if err != nil {
		return jdwp.Value{}, err
	}
	made, err := w.vm.NewInstance(ctx, w.thread, class, constructor, jdwp.SingleThreaded)
	if err != nil {
		return jdwp.Value{}, w.explain(ctx, w.thread, err)
	}
	if err := w.vm.Pin(ctx, made); err != nil {
		return jdwp.Value{}, err
	}
	for k, v := range m {
		key, err := w.str(ctx, &k)
		if err != nil {
			return jdwp.Value{}, err
		}
		value, err := w.str(ctx, &v)
		if err != nil {
			return jdwp.Value{}, err
		}
		if _, err := w.call(ctx, made, "put", "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;", key, value); err != nil {
			return jdwp.Value{}, err
		}
	}
	return jdwp.Ref(made), nil
}

// intentURI writes an Intent as an intent: URI (android.content.Intent,
// parseUri), as far as the scheme supports it.
func intentURI(in *androidwire.Intent) string {
	var b strings.Builder
	data, scheme := in.Data, ""
	if s, rest, ok := strings.Cut(data, ":"); ok {
		scheme, data = s, rest
	}
	b.WriteString("intent:" + data + "#Intent;")
	add := func(key, value string) {
		if value != "" {
			b.WriteString(key + "=" + escapeURI(value) + ";")
		}
	}
	add("scheme", scheme)
	add("action", in.Action)
	for _, c := range in.Categories {
		add("category", c)
	}
	add("type", in.Type)
	if in.Flags != 0 {
		fmt.Fprintf(&b, "launchFlags=0x%x;", uint32(in.Flags))
	}
	add("package", in.Package)
	add("component", in.Component)
	for _, x := range in.Extras {
		if text, ok := uriExtra(x); ok {
			b.WriteString(text)
		}
	}
	b.WriteString("end")
	return b.String()
}

// uriExtra is an extra as an intent: URI spells it.
func uriExtra(x androidwire.Extra) (string, bool) {
	var kind, value string
	switch v := x.Value; v.Type() {
	case androidwire.TypeString:
		kind, value = "S", *v.Text()
	case androidwire.TypeInteger:
		kind, value = "i", fmt.Sprint(v.Integer())
	case androidwire.TypeLong:
		kind, value = "l", fmt.Sprint(v.Int64())
	case androidwire.TypeBoolean:
		kind, value = "B", fmt.Sprint(v.Boolean())
	default:
		return "", false
	}
	return kind + "." + escapeURI(x.Key) + "=" + escapeURI(value) + ";", true
}

// escapeURI percent-encodes all but letters, digits and a few marks, as
// Uri.decode reads it back.
func escapeURI(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
