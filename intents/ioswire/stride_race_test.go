//go:build race

package ioswire_test

// stride is of how many recorded cases one is compared: the race detector makes
// each many times slower, and there is no more to find in all of them.
const stride = 5
