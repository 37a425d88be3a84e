//go:build !race

package ioswire_test

// stride is of how many recorded cases one is compared.
const stride = 1
