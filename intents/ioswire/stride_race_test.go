//go:build race

package ioswire_test

// One recorded case in stride is compared: the race detector makes each many
// times slower, and all of them would show no more.
const stride = 5
