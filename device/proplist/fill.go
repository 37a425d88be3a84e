package proplist

import (
	"fmt"
	"reflect"
	"slices"
)

// Fill sets a struct's fields from a dictionary that a phone or an app's maker
// wrote, each field by its plist tag and on its own: a value of the wrong type
// counts as absent, and is described in odd. Of a list the elements of the
// right type are kept.
func Fill(into any, from map[string]any) (odd []string) {
	v := reflect.ValueOf(into).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key := field.Tag.Get("plist")
		if key == "" {
			key = field.Name
		}
		if said, there := from[key]; there && field.IsExported() {
			odd = append(odd, put(v.Field(i), key, said)...)
		}
	}
	return odd
}

// put stores the value of a key in its field.
func put(to reflect.Value, key string, said any) (odd []string) {
	wrong := func(want string) []string { return []string{fmt.Sprintf("%s is %s, not %s", key, kindOf(said), want)} }
	switch to.Kind() {
	case reflect.String:
		text, ok := said.(string)
		if !ok {
			return wrong("text")
		}
		to.SetString(text)
	case reflect.Bool:
		yes, ok := said.(bool)
		if !ok {
			return wrong("a boolean")
		}
		to.SetBool(yes)
	case reflect.Slice:
		list, ok := said.([]any)
		if !ok {
			return wrong("a list")
		}
		for _, element := range list {
			one := reflect.New(to.Type().Elem()).Elem()
			wrong := put(one, "an element of "+key, element)
			if odd = append(odd, wrong...); len(wrong) == 0 || one.Kind() == reflect.Struct {
				to.Set(reflect.Append(to, one))
			}
		}
		slices.Sort(odd)
		return slices.Compact(odd)
	case reflect.Pointer, reflect.Struct:
		d, ok := said.(map[string]any)
		if !ok {
			return wrong("a dictionary")
		}
		if to.Kind() == reflect.Pointer {
			to.Set(reflect.New(to.Type().Elem()))
			to = to.Elem()
		}
		return Fill(to.Addr().Interface(), d)
	}
	return nil
}

// kindOf names the type of a property list's value.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "a dictionary"
	case []byte:
		return "data"
	case uint64, int64, float64:
		return "a number"
	}
	return "something else"
}
