package androidwire

import (
	"encoding/json"
	"strings"
	"testing"
)

// Reading may allocate at most four times the length of the input.
func TestReadingAllocations(t *testing.T) {
	large := Intent{Extras: Extras{{"thumb", Bytes(make([]byte, 1<<20))}}}
	long := Intent{Extras: Extras{{"text", String(strings.Repeat("x", 1<<20))}}}
	var many Intent
	for i := range maxExtras {
		many.Extras = append(many.Extras, Extra{strings.Repeat("k", 100) + string(rune(0x4e00+i)), String(strings.Repeat("v", 200))})
	}
	for name, intent := range map[string]Intent{"a large byte[]": large, "a long string": long, "many extras": many} {
		data, err := json.Marshal(intent)
		if err != nil {
			t.Fatal(err)
		}
		var w Wire
		n := allocated(func() {
			if err := json.Unmarshal(data, &w); err != nil {
				t.Error(err)
			}
		})
		if n > uint64(4*len(data)) {
			t.Errorf("%s: %d bytes allocated to read %d: %.1f times", name, n, len(data), float64(n)/float64(len(data)))
		}
		t.Logf("%s: %.1f times", name, float64(n)/float64(len(data)))
	}
}
