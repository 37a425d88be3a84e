package ios

import (
	"crypto/tls"
	"testing"
)

// BenchmarkList lists one phone; most of it is the two ends of TLS.
func BenchmarkList(b *testing.B) {
	p := startPeer(b)
	for b.Loop() {
		if _, err := (&Backend{Server: p.server()}).List(until(b), ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeyPair(b *testing.B) {
	k := freshKeys()
	for b.Loop() {
		if _, err := tls.X509KeyPair(k.host, k.hostKey); err != nil {
			b.Fatal(err)
		}
	}
}
