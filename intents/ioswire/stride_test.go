//go:build !race

package ioswire_test

// One recorded case in stride is compared.
const stride = 1
