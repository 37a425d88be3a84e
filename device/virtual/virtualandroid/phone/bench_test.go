package phone_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// TestPhonesAreCheap counts what a phone allocates: a lab of a hundred has to
// fit into 100 MB with everything else.
func TestPhonesAreCheap(t *testing.T) {
	const n = 100
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	phones := make([]*phone.Phone, n)
	for i := range phones {
		phones[i] = newPhone(t, phone.Options{Serial: fmt.Sprintf("WXCTL%04d", i), Users: []phone.User{phone.Owner(34), phone.WorkProfile(34), phone.Dual(34)}})
		install(phones[i], nil)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (after.HeapAlloc - before.HeapAlloc) / n; each > 200<<10 {
		t.Errorf("a phone takes %d bytes", each)
	} else {
		t.Logf("a phone takes %d bytes", each)
	}
	runtime.KeepAlive(phones)
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p, err := phone.New(phone.Options{})
		if err != nil {
			b.Fatal(err)
		}
		_ = p.Close()
	}
}
